/* SPDX-License-Identifier: BSD-3-Clause */
/* The UNIX socket that the API listens on. */
#ifndef WEFT_CONTROL_SOCKET_H
#define WEFT_CONTROL_SOCKET_H

struct weft_error;

/*
 * Binds and listens, mode 0660, making the last folder of the path where it is
 * missing. A socket that nobody serves is replaced; one that is served is
 * refused with -EADDRINUSE. 0, or -errno with *error filled.
 */
int socket_listen(const char *path, int *ret_fd, struct weft_error *error);

#endif
