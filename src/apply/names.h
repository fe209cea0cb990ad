/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds the addresses that a traddr stands for now. A numeric address stands for itself, "*" for
 * every address of both families, the name of an interface for the addresses of that interface, and
 * any other name for the addresses that the resolver returns. The addresses of an interface or
 * another name may change while weftd runs, and are followed.
 *
 * The resolver may take long or hang. So it runs on threads of its own, and is asked again every
 * few seconds. While it fails or does not answer, its last addresses stay valid. All other work is
 * done on the control thread.
 */
#ifndef WEFT_APPLY_NAMES_H
#define WEFT_APPLY_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "util/interfaces.h"

struct names;

#define NAMES_ADDRESSES_MAX 16	/* of one name; further ones are left out */

struct name_address {
	bool ipv6;
	char text[INTERFACE_ADDRESS_TEXT]; /* numeric, with the scope if there is one */
};

/* The addresses of a name, in ascending order and without duplicates. */
struct name_addresses {
	struct name_address items[NAMES_ADDRESSES_MAX];
	size_t count;
	char reason[200];		/* why there are no addresses; "": there are addresses */
	bool pending;			/* the resolver has not answered for the first time */
};

/* fd: an eventfd that is written to when the resolver has answered; borrowed. 0 or -errno. */
int names_new(struct names **ret_names, int fd);
/*
 * Frees the names. If the resolver has not answered yet, they stay in memory, false is returned,
 * and the process should end. NULL is harmless.
 */
bool names_free(struct names *names);

/*
 * The addresses of a traddr; adrfam "ipv4" or "ipv6" leaves only those of that family. The first
 * call for a name starts its lookup.
 */
void names_find(struct names *names, const char *traddr, const char *adrfam,
		struct name_addresses *ret);
/*
 * To be called once a second and when fd is readable, after names_find() for each name in use.
 * Collects the resolver's answers, asks it again, and reads the interfaces. Names that were not
 * passed to names_find() since the last call are forgotten. True: some name has other addresses.
 */
bool names_follow(struct names *names);

#endif
