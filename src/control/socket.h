/* SPDX-License-Identifier: BSD-3-Clause */
/* The UNIX socket that the API listens on. */
#ifndef WEFT_CONTROL_SOCKET_H
#define WEFT_CONTROL_SOCKET_H

struct weft_error;

/*
 * Binds and listens, mode 0660, making the last folder of the path where it is
 * missing. The socket gets the group of that name, which must be possible; NULL:
 * CONTROL_GROUP_DEFAULT where it is. A socket that nobody serves is replaced;
 * one that is served is refused with -EADDRINUSE. 0, or -errno with *error filled.
 */
int socket_listen(const char *path, const char *group, int *ret_fd, struct weft_error *error);

#endif
