/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket: each line is a command and gets one line as answer. Clients
 * are served one after the other. A command has taken effect when it is answered.
 */
#include "backend/fault/fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/thread.h"

#define REPLY_MAX 256

static void answer(struct fault_point *point, char *line, int fd)
{
	struct weft_error error = { 0 };
	char reply[REPLY_MAX];

	line[strcspn(line, "\n")] = '\0';
	if (fault_point_command(point, line, reply, sizeof(reply), &error) < 0)
		dprintf(fd, "error: %s\n", error.text);
	else
		dprintf(fd, "ok%s%s\n", *reply ? " " : "", reply);
}

static void serve(struct fault_point *point, int fd)
{
	_cleanup_free_ char *line = NULL;
	FILE *client = fdopen(fd, "r");
	size_t size = 0;

	if (!client) {
		close(fd);
		return;
	}
	while (getline(&line, &size, client) > 0)
		answer(point, line, fd);
	fclose(client);
}

static void *run(void *arg)
{
	struct fault_point *point = arg;

	for (;;) {
		int fd = accept4(point->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			serve(point, fd);
		else if (errno != EINTR && errno != ECONNABORTED)
			return NULL;
	}
}

/* Opens a listening socket at the path. Its descriptor, or -errno. */
static int open_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0600) < 0 ||
	    listen(fd, 1) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int fault_control_start(struct fault_point *point, struct weft_error *error)
{
	int fd = open_socket(point->path);
	pthread_t thread;
	int r;

	if (fd < 0)
		return weft_error_set(error, -fd, "fault: %s: %s", point->path, strerror(-fd));
	point->fd = fd;
	r = thread_start(&thread, run, point);
	if (r < 0) {
		close(fd);
		return weft_error_set(error, -r, "fault: cannot start a thread: %s", strerror(-r));
	}
	pthread_detach(thread);
	return 0;
}
