/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of ports and referrals: completing, checking and comparing them. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <weft/backend.h>

#include "config/model.h"
#include "util/hostport.h"

#define NAME_LENGTH_MAX 253	/* of a host: RFC 1035, 3.1; of an interface: 15 */

/* A numeric address in binary, and the scope of an IPv6 address ("": none). */
struct numeric {
	int family;
	uint8_t bytes[16];
	char scope[IF_NAMESIZE];
};

/* Parses a numeric address. 0, or -EINVAL: neither an IPv4 nor an IPv6 address. */
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

/* Moves the port of ADDRESS:PORT and [ADDRESS]:PORT from traddr to trsvcid. */
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

/* True for "*" and for a name of a host or an interface; false for a malformed numeric address. */
static bool is_name(const char *traddr)
{
	if (!strcmp(traddr, "*"))
		return true;
	if (traddr[strspn(traddr, "0123456789.")] == '\0' || strlen(traddr) > NAME_LENGTH_MAX)
		return false;
	for (const char *c = traddr; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("%/:[]*\"\\", *c))
			return false;
	return true;
}

static int check_adrfam(const struct address_settings *addr, const char **ret_attr,
			struct weft_error *error)
{
	*ret_attr = "adrfam";
	if (!strcmp(addr->adrfam, "ipv4") || !strcmp(addr->adrfam, "ipv6"))
		return 0;
	return weft_error_set(error, EINVAL, "adrfam is \"%.16s\"; it must be ipv4 or ipv6",
			      addr->adrfam);
}

/* Checks a name. apply/names.c resolves it later; adrfam restricts the addresses to one family. */
static int check_name(const struct address_settings *addr, bool referral, const char **ret_attr,
		      struct weft_error *error)
{
	if (!is_name(addr->traddr))
		return weft_error_set(error, EINVAL, "traddr is \"%.80s\"; it must be a numeric "
				      "address, such as 192.0.2.1 or 2001:db8::1, or the name of a "
				      "host%s", addr->traddr,
				      referral ? "" : " or an interface, or * for all");
	if (referral && !strcmp(addr->traddr, "*"))
		return weft_error_set(error, EINVAL, "traddr is \"*\", which hosts cannot connect "
				      "to; it must be one address or the name of a host");
	return *addr->adrfam ? check_adrfam(addr, ret_attr, error) : 0;
}

static int complete_traddr(struct address_settings *addr, bool referral, const char **ret_attr,
			   struct weft_error *error)
{
	const char *adrfam;
	struct numeric numeric;
	int r;

	*ret_attr = "traddr";
	if (!*addr->traddr)
		return weft_error_set(error, EINVAL, "traddr is missing; it must be an "
				      "address, such as 192.0.2.1 or 2001:db8::1, a name, or * for "
				      "all");
	r = split_port(addr, error);
	if (r < 0)
		return r;
	if (parse_numeric(addr->traddr, &numeric) < 0)
		return check_name(addr, referral, ret_attr, error);
	adrfam = numeric.family == AF_INET ? "ipv4" : "ipv6";
	if (!*addr->adrfam) {
		TEXT_SET(addr->adrfam, adrfam);
		return 0;
	}
	r = check_adrfam(addr, ret_attr, error);
	if (r < 0)
		return r;
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
		r = complete_traddr(addr, referral, ret_attr, error);
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

static bool same_numeric(const struct numeric *a, const struct numeric *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, sizeof(a->bytes)) &&
	       !strcmp(a->scope, b->scope);
}

bool config_same_address(const struct address_settings *a, const struct address_settings *b)
{
	bool name_a, name_b;
	struct numeric na, nb;

	if (a->trsvcid != b->trsvcid || strcmp(a->trtype, b->trtype))
		return false;
	name_a = parse_numeric(a->traddr, &na) < 0;
	name_b = parse_numeric(b->traddr, &nb) < 0;
	if (name_a && name_b)
		return !strcmp(a->traddr, b->traddr) && !strcmp(a->adrfam, b->adrfam);
	return !name_a && !name_b && same_numeric(&na, &nb);
}

bool config_is_wildcard(const struct address_settings *addr)
{
	static const uint8_t zero[16];
	struct numeric numeric;

	if (!strcmp(addr->traddr, "*"))
		return true;
	return !parse_numeric(addr->traddr, &numeric) &&
	       !memcmp(numeric.bytes, zero, sizeof(zero)) && !*numeric.scope;
}
