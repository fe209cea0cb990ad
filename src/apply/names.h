/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a traddr stands for at the moment: a numeric address itself; "*" every address of both
 * families; the name of an interface the addresses that it has; and any other name what the
 * resolver says of it. The last two change while weftd runs, and are followed.
 *
 * A resolver may take long or hang: it is asked on threads of its own, again each few seconds.
 * While it does not answer, or fails, what it said before holds. All else is the control thread's.
 */
#ifndef WEFT_APPLY_NAMES_H
#define WEFT_APPLY_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "util/interfaces.h"

struct names;

#define NAMES_ADDRESSES_MAX 16	/* of one name; what is beyond is left out */

struct name_address {
	bool ipv6;
	char text[INTERFACE_ADDRESS_TEXT]; /* numeric, with its scope where it has one */
};

/* Ascending, none twice. */
struct name_addresses {
	struct name_address items[NAMES_ADDRESSES_MAX];
	size_t count;
	char reason[200];		/* why there are none; "": there are some */
	bool pending;			/* the resolver has not answered for the first time */
};

/* fd: an eventfd that is written to when the resolver has answered; borrowed. 0 or -errno. */
int names_new(struct names **ret_names, int fd);
/*
 * Frees, unless the resolver has not answered yet: then it is left alone, false is returned, and
 * the process should end. NULL is harmless.
 */
bool names_free(struct names *names);

/*
 * The addresses of a traddr; adrfam "ipv4" or "ipv6" leaves only those of that family. The first
 * call for a name begins to look for it.
 */
void names_find(struct names *names, const char *traddr, const char *adrfam,
		struct name_addresses *ret);
/*
 * To be called once a second, and when fd was written to, after names_find() for all that is in
 * use: takes answers, asks again, looks at the interfaces. Names that were not asked for since the
 * last call are forgotten. true: what some name stands for has changed.
 */
bool names_follow(struct names *names);

#endif
