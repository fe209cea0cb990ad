/* SPDX-License-Identifier: BSD-3-Clause */
/* The UNIX socket that the API listens on. */
#include "control/socket.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <weft/backend.h>

#include "control/control.h"
#include "control/folder.h"
#include "util/cleanup.h"

#define SOCKET_MODE 0660
#define SOCKET_BACKLOG 128

/* True if a process listens on the socket. */
static bool is_served(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return false;
	return connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
	       errno == EAGAIN; /* its backlog is full, so a process listens */
}

static bool is_socket(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int bind_path(int fd, const struct sockaddr_un *address, struct weft_error *error)
{
	const char *path = address->sun_path;

	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return 0;
	if (errno == EADDRINUSE) {
		if (!is_socket(path))
			return weft_error_set(error, EEXIST, "%s exists and is not a socket; "
					      "remove it or give another path with --socket", path);
		if (is_served(address))
			return weft_error_set(error, EADDRINUSE, "another weftd serves %s; stop it "
					      "or give another path with --socket", path);
		if (unlink(path) == 0 &&
		    bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
			return 0;
	}
	return weft_error_set(error, errno, "cannot make the socket %s: %s", path,
			      strerror(errno));
}

/* Gives the socket to a group. This must succeed for a named group, not for the default group. */
static int give_to_group(const char *path, const char *name, struct weft_error *error)
{
	const struct group *group;

	errno = 0;
	group = getgrnam(name ? name : CONTROL_GROUP_DEFAULT);
	if (group && chown(path, (uid_t)-1, group->gr_gid) == 0)
		return 0;
	if (!name)
		return 0;
	if (!group)
		return weft_error_set(error, errno ? errno : ENOENT, "there is no group %s to give "
				      "the socket %s to; make it with 'groupadd --system %s'",
				      name, path, name);
	return weft_error_set(error, errno, "the socket %s cannot be given to the group %s: %s; "
			      "weftd must be root or a member of it", path, name,
			      strerror(errno));
}

static int open_to_group(int fd, const char *path, const char *group, struct weft_error *error)
{
	int r = give_to_group(path, group, error);

	if (r == 0 && (chmod(path, SOCKET_MODE) < 0 || listen(fd, SOCKET_BACKLOG) < 0))
		r = weft_error_set(error, errno, "cannot listen on %s: %s", path, strerror(errno));
	if (r < 0)
		unlink(path);
	return r;
}

int socket_listen(const char *path, const char *group, int *ret_fd, struct weft_error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return weft_error_set(error, ENAMETOOLONG, "the socket's path %s is longer than "
				      "%zu bytes", path, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return weft_error_set(error, errno, "cannot make a socket: %s", strerror(errno));
	folder_make(path, 0755);
	/* Set before bind(), the mode is that of the new file: it never has a wider mode. */
	fchmod(fd, SOCKET_MODE);
	r = bind_path(fd, &address, error);
	if (r < 0)
		return r;
	r = open_to_group(fd, address.sun_path, group, error);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}
