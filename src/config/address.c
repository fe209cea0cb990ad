/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses: what may be left out, what is right, when two are the same. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <weft/backend.h>

#include "config/model.h"
#include "util/hostport.h"

/* A numeric address in binary, and the scope of an IPv6 one ("" where it has none). */
struct numeric {
	int family;
	uint8_t bytes[16];
	char scope[IF_NAMESIZE];
};

/* -EINVAL: it is neither an IPv4 nor an IPv6 address. */
static int parse_numeric(const char *text, struct numeric *ret)
{
	char buf[INET6_ADDRSTRLEN];
	const char *percent = strchr(text, '%');
	size_t length = percent ? (size_t)(percent - text) : strlen(text);

	memset(ret, 0, sizeof(*ret));
	if (!percent && inet_pton(AF_INET, text, ret->bytes) == 1) {
		ret->family = AF_INET;
		return 0;
	}
	if (length >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, text, length);
	buf[length] = '\0';
	if (inet_pton(AF_INET6, buf, ret->bytes) != 1)
		return -EINVAL;
	if (percent) {
		if (!percent[1] || strlen(percent + 1) >= sizeof(ret->scope))
			return -EINVAL;
		strcpy(ret->scope, percent + 1);
	}
	ret->family = AF_INET6;
	return 0;
}

/* The port of ADDRESS:PORT and [ADDRESS]:PORT moves to where ports are kept. */
static int split_port(struct address_settings *addr, struct weft_error *error)
{
	struct hostport split;
	int r = hostport_parse(addr->traddr, &split, error);

	if (r < 0)
		return r;
	if (split.port && addr->trsvcid != split.port &&
	    addr->trsvcid != CONFIG_TRSVCID_DEFAULT)
		return weft_error_set(error, EINVAL, "traddr \"%.80s\" has a TCP port, but trsvcid "
				      "is %u; one of them must go", addr->traddr, addr->trsvcid);
	if (split.port)
		addr->trsvcid = split.port;
	TEXT_SET(addr->traddr, split.host);
	return 0;
}

static int complete_traddr(struct address_settings *addr, const char **ret_attr,
			   struct weft_error *error)
{
	const char *adrfam;
	struct numeric numeric;
	int r;

	*ret_attr = "traddr";
	if (!*addr->traddr)
		return weft_error_set(error, EINVAL, "traddr is missing; it must be a numeric "
				      "address, such as 192.0.2.1, 2001:db8::1 or 0.0.0.0 for all");
	r = split_port(addr, error);
	if (r < 0)
		return r;
	if (parse_numeric(addr->traddr, &numeric) < 0)
		return weft_error_set(error, EINVAL, "traddr is \"%.80s\"; it must be a numeric "
				      "address, such as 192.0.2.1 or 2001:db8::1",
				      addr->traddr);
	adrfam = numeric.family == AF_INET ? "ipv4" : "ipv6";
	if (!*addr->adrfam) {
		TEXT_SET(addr->adrfam, adrfam);
		return 0;
	}
	*ret_attr = "adrfam";
	if (strcmp(addr->adrfam, "ipv4") && strcmp(addr->adrfam, "ipv6"))
		return weft_error_set(error, EINVAL,
				      "adrfam is \"%.16s\"; it must be ipv4 or ipv6",
				      addr->adrfam);
	if (strcmp(addr->adrfam, adrfam))
		return weft_error_set(error, EINVAL, "adrfam is %s, but traddr \"%s\" is an %s "
				      "address; one of them must change",
				      addr->adrfam, addr->traddr, adrfam);
	return 0;
}

static int check_trtype(const struct address_settings *addr, const char **ret_attr,
			   struct weft_error *error)
{
	*ret_attr = "trtype";
	if (!strcmp(addr->trtype, "tcp"))
		return 0;
	if (!strcmp(addr->trtype, "rdma") || !strcmp(addr->trtype, "fc") ||
	    !strcmp(addr->trtype, "loop") || !strcmp(addr->trtype, "pci"))
		return weft_error_set(error, EOPNOTSUPP, "trtype is \"%s\", which this weft has "
				      "no transport for; it must be tcp",
				      addr->trtype);
	return weft_error_set(error, EINVAL, "trtype is \"%.16s\"; it must be tcp", addr->trtype);
}

int config_complete_address(struct address_settings *addr, bool referral, const char **ret_attr,
			    struct weft_error *error)
{
	int r = check_trtype(addr, ret_attr, error);

	if (!r)
		r = complete_traddr(addr, ret_attr, error);
	if (r < 0)
		return r;
	if (!addr->trsvcid) {
		*ret_attr = "trsvcid";
		return weft_error_set(error, ERANGE,
				      "trsvcid is 0; it must be a TCP port in 1..65535");
	}
	if (referral)
		return 0;
	if (addr->tsas == NVMF_TCP_SECTYPE_TLS13) {
		*ret_attr = "tsas";
		return weft_error_set(error, EOPNOTSUPP, "tsas is tls1.3, but this weft cannot "
				      "encrypt yet; it must be none");
	}
	if (addr->treq == NVMF_TREQ_REQUIRED) {
		*ret_attr = "treq";
		return weft_error_set(error, EOPNOTSUPP, "treq is required, but this weft cannot "
				      "encrypt yet; it must be \"not specified\"");
	}
	return 0;
}

bool config_same_address(const struct address_settings *a, const struct address_settings *b)
{
	struct numeric na, nb;

	return a->trsvcid == b->trsvcid && !strcmp(a->trtype, b->trtype) &&
	       !parse_numeric(a->traddr, &na) && !parse_numeric(b->traddr, &nb) &&
	       na.family == nb.family && !memcmp(na.bytes, nb.bytes, sizeof(na.bytes)) &&
	       !strcmp(na.scope, nb.scope);
}

bool config_is_wildcard(const struct address_settings *addr)
{
	static const uint8_t zero[16];
	struct numeric numeric;

	return !parse_numeric(addr->traddr, &numeric) &&
	       !memcmp(numeric.bytes, zero, sizeof(zero)) && !*numeric.scope;
}
