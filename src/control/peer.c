/* SPDX-License-Identifier: BSD-3-Clause */
/* The client of the API: see peer.h. */
#include "control/peer.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void peer_read(struct MHD_Connection *connection, struct peer *ret_peer)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred credentials;
	socklen_t length = sizeof(credentials);

	*ret_peer = (struct peer){ .known = false };
	if (!info || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &credentials,
				&length) < 0)
		return;
	*ret_peer = (struct peer){ .known = true, .pid = credentials.pid, .uid = credentials.uid,
				   .gid = credentials.gid };
}

/*
 * Finds the name of a local user; false if there is none. It does not use getpwuid(),
 * which may ask a server: the control thread must not wait for a server.
 */
static bool find_name(uid_t uid, char *buf, size_t size)
{
	FILE *file = fopen("/etc/passwd", "re");
	struct passwd *entry;
	bool found = false;

	if (!file)
		return false;
	while (!found && (entry = fgetpwent(file))) {
		found = entry->pw_uid == uid;
		if (found)
			snprintf(buf, size, "%s", entry->pw_name);
	}
	fclose(file);
	return found;
}

const char *peer_format(const struct peer *peer, char buf[PEER_TEXT])
{
	char name[33];

	if (!peer->known)
		snprintf(buf, PEER_TEXT, "an unknown process");
	else if (find_name(peer->uid, name, sizeof(name)))
		snprintf(buf, PEER_TEXT, "%s (uid %u, process %d)", name, peer->uid,
			 (int)peer->pid);
	else
		snprintf(buf, PEER_TEXT, "uid %u, process %d", peer->uid, (int)peer->pid);
	return buf;
}
