/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The HTTP API: JSON over a UNIX socket, version 1 under /v1. It has no thread of
 * its own: the daemon's main loop waits for control_fd() and then calls
 * control_run(). Requests that only look are answered there and then; one that
 * waits for something is answered later, and holds up no other (exchange.h).
 *
 * A change is made to a copy of the configuration, validated and applied as a
 * whole; a refused one leaves everything as it was.
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

/* All borrowed, and they outlive the control. */
struct control_options {
	const char *socket_path;
	const char *socket_group;	/* may use the API; NULL: CONTROL_GROUP_DEFAULT, if there */
	const char *config_path;	/* what save writes and restore reads */
	struct apply *apply;		/* the running configuration */
	struct target *target;		/* whose sessions are listed */
	const char *engine;		/* "io_uring" or "epoll", for the status */
	unsigned int reactors;
};

/*
 * Binds the socket (mode 0660; a stale one is replaced, a served one refused).
 * 0, or -errno with *error filled.
 */
int control_open(struct control **ret_control, const struct control_options *options,
		 struct weft_error *error);
/*
 * Closes all connections and removes the socket. After apply_cancel(): who waited for
 * a change has been refused, and is told so here. NULL is harmless.
 */
void control_close(struct control *control);

/* Readable where control_run() has something to do. */
int control_fd(const struct control *control);
/* Serves what is due; never waits. */
void control_run(struct control *control);

/* The daemon loaded the configuration file again by itself (SIGHUP): nothing is unsaved. */
void control_reloaded(struct control *control);

#endif
