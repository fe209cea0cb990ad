# SPDX-License-Identifier: BSD-3-Clause
"""Configurations in nvmetcli's dialect, from the little that a test wants to say."""

import copy
import uuid

from weftd import free_port


def nqn(name):
    return f"nqn.2026-01.io.weft.test:{name}"


def namespace(nsid, *, backend="memory", size=None, block_size=None, path=None, enable=1,
              read_only=None, identity=None, **options):
    """A namespace: 64 MiB of memory, or the file at `path`, unless something else is said. Its UUID
    is stable and follows from `identity`, or from the NSID."""
    weft = {"backend": backend, **options}
    device = {"uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, str(identity or f"weft {nsid}")))}
    if path is not None:
        device["path"] = str(path)
        weft["backend"] = "file"
    elif size is None:
        size = "64M"
    if size is not None:
        weft["size"] = size
    if block_size is not None:
        weft["block_size"] = block_size
    if read_only is not None:
        weft["read_only"] = read_only
    return {"nsid": nsid, "enable": enable, "device": device, "weft": weft}


def subsystem(name, namespaces=(), *, hosts=None, **attr):
    """A subsystem named nqn(name). `hosts` None lets any host in."""
    attributes = {"allow_any_host": "1" if hosts is None else "0",
                  **{key: str(value) for key, value in attr.items()}}
    return {"nqn": nqn(name), "attr": attributes, "allowed_hosts": list(hosts or []),
            "namespaces": list(namespaces)}


BY_TRADDR = object()


def port(portid, subsystems, *, traddr="127.0.0.1", trsvcid=None, adrfam=BY_TRADDR, param=None,
         referrals=(), weft=None):
    """A port on a free TCP port. `subsystems` are the short names. `adrfam` None: none is said."""
    if adrfam is BY_TRADDR:
        adrfam = "ipv6" if ":" in traddr else "ipv4"
    config = {
        "portid": portid,
        "addr": {"trtype": "tcp", **({"adrfam": adrfam} if adrfam else {}), "traddr": traddr,
                 "trsvcid": str(trsvcid or free_port(traddr)), "treq": "not specified"},
        "param": {key: str(value) for key, value in (param or {}).items()},
        "subsystems": [nqn(name) for name in subsystems],
        "referrals": list(referrals),
    }
    if weft is not None:
        config["weft"] = weft
    return config


def referral(name, traddr, trsvcid, portid=0, enable=1):
    return {"name": name, "enable": enable,
            "addr": {"trtype": "tcp", "adrfam": "ipv4", "traddr": traddr, "trsvcid": str(trsvcid),
                     "portid": portid, "treq": "not specified"}}


def config(subsystems, ports=None, *, weft=None):
    """A whole configuration; without `ports`, one port serves every subsystem."""
    if ports is None:
        ports = [port(1, [sub["nqn"].split(":", 1)[1] for sub in subsystems])]
    hosts = sorted({host for sub in subsystems for host in sub["allowed_hosts"]})
    result = {"hosts": [{"nqn": host} for host in hosts], "subsystems": list(subsystems),
              "ports": list(ports)}
    if weft is not None:
        result["weft"] = weft
    return result


def changed(base, change):
    """A deep copy of `base` after `change(copy)`."""
    result = copy.deepcopy(base)
    change(result)
    return result
