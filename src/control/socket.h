/* SPDX-License-Identifier: BSD-3-Clause */
/* The UNIX socket that the API listens on. */
#ifndef WEFT_CONTROL_SOCKET_H
#define WEFT_CONTROL_SOCKET_H

struct weft_error;

/*
 * Binds the socket with mode 0660 and listens. Makes the last folder of the path if it is
 * missing. `group` is the socket's group, and it is an error if that cannot be set. NULL:
 * CONTROL_GROUP_DEFAULT if that can be set. A socket on which no process listens is
 * replaced; if one does, -EADDRINUSE. 0, or -errno with *error filled.
 */
int socket_listen(const char *path, const char *group, int *ret_fd, struct weft_error *error);

#endif
