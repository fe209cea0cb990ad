/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The HTTP API: JSON over a UNIX socket, version 1 under /v1. It has no thread of
 * its own: the daemon's main loop waits for control_fd() and then calls
 * control_run(). A request that only reads state is answered at once. A request that
 * waits for something is answered later, and does not delay other requests (exchange.h).
 *
 * A change is made to a copy of the configuration, validated and applied as a
 * whole. A refused change leaves the running configuration as it was.
 */
#ifndef WEFT_CONTROL_CONTROL_H
#define WEFT_CONTROL_CONTROL_H

#include <stdbool.h>

struct apply;
struct control;
struct target;
struct weft_error;

#define CONTROL_SOCKET_DEFAULT "/run/weft/weft.sock"
#define CONTROL_GROUP_DEFAULT "weft"

/* All pointers are borrowed; the objects outlive the control. */
struct control_options {
	const char *socket_path;
	const char *socket_group;	/* may use the API; NULL: CONTROL_GROUP_DEFAULT if any */
	const char *config_path;	/* the file that save writes and restore reads */
	struct apply *apply;		/* the running configuration */
	struct target *target;		/* the target that has the sessions */
	const char *engine;		/* "io_uring" or "epoll", for the status */
	unsigned int reactors;
};

/*
 * Binds the socket (mode 0660). A stale socket is replaced; if another process serves
 * the socket, this fails. 0, or -errno with *error filled.
 */
int control_open(struct control **ret_control, const struct control_options *options,
		 struct weft_error *error);
/*
 * Closes all connections and removes the socket. Call it after apply_cancel(), which
 * refuses the queued changes: the answers are sent here. NULL is harmless.
 */
void control_close(struct control *control);

/* A descriptor that is readable when control_run() has something to do. */
int control_fd(const struct control *control);
/* Serves all pending events. Does not block. */
void control_run(struct control *control);

/* The daemon has reloaded the configuration file (SIGHUP): no change is unsaved now. */
void control_reloaded(struct control *control);

#endif
