/* SPDX-License-Identifier: BSD-3-Clause */
/* The client of the API: the process at the other end of the socket, as the kernel reports it. */
#ifndef WEFT_CONTROL_PEER_H
#define WEFT_CONTROL_PEER_H

#include <microhttpd.h>
#include <stdbool.h>
#include <sys/types.h>

struct peer {
	bool known;		/* false: the members below are not valid */
	pid_t pid;		/* of the process that connected; it may have ended since */
	uid_t uid;
	gid_t gid;
};

#define PEER_TEXT 80

/* unix(7), SO_PEERCRED. */
void peer_read(struct MHD_Connection *connection, struct peer *ret_peer);
/* "anna (uid 1000, process 4711)" for people; returns buf. */
const char *peer_format(const struct peer *peer, char buf[PEER_TEXT]);

#endif
