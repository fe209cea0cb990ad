/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The backend interface: what turns something that stores bytes into an NVMe
 * namespace. Built-in backends and plugins use the same header, and it is the
 * only one that weft installs.
 *
 * A backend is a `const struct weft_backend`. A plugin is a shared object that
 * exports one symbol:
 *
 *	const struct weft_backend *weft_plugin(void);
 *
 * Versions. A plugin goes on to work with a later weftd, without being built
 * again:
 *
 * - struct weft_backend begins with its own size, and new members are added at
 *   its end. What a plugin's struct is too short for is NULL. A plugin that is
 *   newer than weftd is loaded as well, unless it sets a member or a flag that
 *   this weftd does not know: it would count on it, so it is refused.
 * - struct weft_info, weft_io and weft_option are made by either side, so they
 *   keep their sizes. New members take from `reserved`, where 0 means what the
 *   interface did before; what weftd does not know there is refused when the
 *   plugin is loaded or its device opened.
 * - enums get new values at their end. An operation reaches only a backend that
 *   said, by a member or a flag of its own, that it can do it.
 *
 * That is how these will come, with their first user: metadata (a pointer in
 * weft_io, its size in weft_info), compare and zones (operations, and a flag
 * each), commands that are handed on as they are (a member `pass`, beside
 * submit).
 *
 * Lifetimes. A device is what open() made: one per namespace. It lives until
 * close(), which is called once, after the last I/O of that device is done.
 * open(), refresh() and close() run on threads of their own and may block: they
 * hold up nothing but their namespace. Of one device there is one of them at a
 * time; of several devices they may run at once, so what devices share is to be
 * guarded. submit() and lend() run on a reactor and must never block. A device
 * is used by several reactors at once, and refreshed meanwhile, so whatever it
 * changes after open() it guards itself.
 *
 * Changes. weft asks with refresh() about once a second what the device is. A
 * backend that notices a change by itself says so with weft_device_changed(),
 * and is asked at once.
 *
 * Each submitted I/O is completed exactly once, by weft_io_done() on the same
 * thread (possibly before submit() returns) or by weft_io_done_from_thread()
 * anywhere else. submit() itself has no result.
 *
 * Overlays. A backend whose table has options of the type WEFT_OPTION_CHILD
 * stands on others: each such option names a child, as "child", or "parent" and
 * "base". Its value in the configuration is an object with the child's backend
 * and options, which may have children again:
 *
 *	"child": {"backend": "file", "path": "/srv/disk.img"}
 *
 * What opens, checks or saves it calls them child.backend and child.path. Each
 * child's options are checked against its backend's table. open() calls
 * weft_child_open() for each child that it needs, and close() calls
 * weft_child_close(); submit() hands an I/O on as it is with
 * weft_child_submit() and no longer knows it, or completes it itself, or submits
 * others of its own (weft_io.done) and completes it after them. What a child
 * says, why it does not open or what is wrong with it, begins with its name.
 */
#ifndef WEFT_BACKEND_H
#define WEFT_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* A refusal in words: names the object, the value, and what would be right. */
struct weft_error {
	int code;		/* an errno value, positive */
	char text[480];
};

/* Fills *error (may be NULL) and returns -code, so that a caller can return it. */
int weft_error_set(struct weft_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

enum weft_op {
	WEFT_OP_READ,
	WEFT_OP_WRITE,
	WEFT_OP_FLUSH,		/* all completed writes are durable afterwards */
	WEFT_OP_WRITE_ZEROES,	/* the range reads back as zeroes */
	WEFT_OP_DISCARD,	/* the range is unused; it reads back as zeroes or as before */
};

enum weft_io_flags {
	WEFT_IO_FUA = 1 << 0,		/* durable before it is done (WRITE, WRITE_ZEROES) */
	WEFT_IO_DEALLOCATE = 1 << 1,	/* WRITE_ZEROES may free the space */
};

#define WEFT_IO_SCRATCH 120

/*
 * One I/O. Owned by the target; the backend borrows it from submit() until
 * done. Offset and length are bytes, multiples of the namespace's block size,
 * and lie within the size that the device last reported.
 */
struct weft_io {
	enum weft_op op;
	uint32_t flags;			/* enum weft_io_flags */
	uint64_t offset;
	uint64_t length;
	const struct iovec *iov;	/* READ, WRITE: length bytes in all; aligned to 4096 unless
					 * the backend is WEFT_BACKEND_UNALIGNED */
	unsigned int iov_count;
	void *reactor;			/* opaque: the reactor that submitted it */
	/* NULL: the target's. An overlay's own I/O: called on that reactor's thread when it is
	 * done; the overlay copies `reactor` from the I/O that it serves. */
	void (*done)(struct weft_io *io, int result);
	void *target[3];		/* opaque */
	/* the backend's, while it holds the I/O */
	_Alignas(16) unsigned char scratch[WEFT_IO_SCRATCH];
	void *reserved;			/* NULL; see Versions */
};

/* Completes an I/O on the thread that submitted it. result: 0 or -errno. */
void weft_io_done(struct weft_io *io, int result);
/* The same from any other thread. */
void weft_io_done_from_thread(struct weft_io *io, int result);

/*
 * Descriptors that tell of completions: an eventfd, a timerfd, a socket of a library.
 * A reactor waits for them together with its own, so that no thread is needed for that.
 */
struct weft_watch;

/*
 * Has the reactor watch the descriptor, which is the caller's and open until the watch
 * is stopped; it is watched once by a reactor. On a reactor's own thread, from submit() or
 * from ready(), with that I/O's `reactor`. events: POLLIN, POLLOUT, as for poll(2).
 *
 * ready() is called on that reactor's thread: when the descriptor is ready as the watch
 * starts, and each time after that when it becomes ready. So it uses the descriptor until
 * that says EAGAIN; one read(2) of an eventfd or a timerfd is enough. It must not block.
 * It may be called when nothing is ready, and may stop the watch.
 *
 * 0, or -errno: -EPERM where the descriptor cannot be watched (a regular file).
 */
int weft_watch_start(struct weft_watch **ret_watch, void *reactor, int fd, unsigned int events,
		     void (*ready)(void *context, unsigned int revents), void *context);
/*
 * Stops the watch and frees it. When this returns, ready() does not run and is not called
 * any more, not even for what has happened already (but for the call that this is made
 * from), and the descriptor may be closed. From any thread: close() stops what submit()
 * started. It then waits for the reactor, so hold no lock that ready() takes. NULL is
 * harmless.
 */
void weft_watch_stop(struct weft_watch *watch);
#define WEFT_TROUBLE 480

/* What a device is; filled by open() and refresh(). */
struct weft_info {
	uint64_t size;			/* bytes; the target rounds down to whole blocks */
	uint32_t block_size;		/* smallest unit of I/O, bytes: a power of two, >= 512 */
	uint32_t physical_block_size;	/* the unit that is written without read-modify-write */
	uint32_t discard_granularity;	/* bytes; 0: discard is not supported */
	uint32_t atomic_size;		/* bytes that power loss does not tear; 0: one block */
	bool read_only;
	bool rotational;
	bool volatile_cache;		/* a flush has something to do */
	/*
	 * What is wrong with the device although it works, for the administrator: a
	 * sentence that says what, what it means, and what to do; "": nothing. Shown
	 * and logged; of refresh() only.
	 */
	char trouble[WEFT_TROUBLE];
	uint64_t reserved[8];		/* 0; see Versions */
};

enum weft_option_type {
	WEFT_OPTION_STRING,
	WEFT_OPTION_PATH,
	WEFT_OPTION_SIZE,	/* bytes; K, M, G, T suffixes are powers of 1024 */
	WEFT_OPTION_NUMBER,
	WEFT_OPTION_BOOL,
	WEFT_OPTION_CHILD,	/* a backend that this one stands on: see Overlays */
};

/* One option of a backend: feeds validation, the CLI's help and a test of the man page. */
struct weft_option {
	const char *name;		/* [a-z_]+ */
	enum weft_option_type type;
	bool required;
	const char *fallback;		/* default value in words, for help; NULL: none */
	const char *help;		/* one line, no full stop */
	const void *reserved[3];	/* NULL; see Versions */
};

/* The options that a namespace was given, checked against the table. Borrowed. */
struct weft_params;
/* The value, or NULL where it was not given. */
const char *weft_param_string(const struct weft_params *params, const char *name);
/* The value, or fallback where it was not given. Types were checked before open(). */
uint64_t weft_param_number(const struct weft_params *params, const char *name, uint64_t fallback);
bool weft_param_bool(const struct weft_params *params, const char *name, bool fallback);

/*
 * Who is told that a device changed: of params that are given to open(). It may
 * be used from any thread, from open() until close() returns.
 */
struct weft_owner;
struct weft_owner *weft_params_owner(const struct weft_params *params);
/*
 * The device's size, or its trouble, is another than refresh() said last, or the
 * device is lost: weft calls refresh() soon. Any thread; does not block. Calls
 * before that refresh() count as one.
 */
void weft_device_changed(struct weft_owner *owner);

enum weft_backend_flags {
	WEFT_BACKEND_SYNC = 1 << 0,	 /* READ and WRITE are done before submit() returns */
	WEFT_BACKEND_UNALIGNED = 1 << 1, /* takes buffers of any alignment */
};

#define WEFT_BACKEND_FLAGS ((1 << 2) - 1)	/* those that there are */

struct weft_backend {
	size_t size;			/* Required: sizeof(struct weft_backend) */
	const char *name;		/* Required: as in the configuration, [a-z0-9-]+ */
	const char *summary;		/* Required: one line for lists */
	uint32_t flags;			/* enum weft_backend_flags */
	const struct weft_option *options; /* Optional; ends with a NULL name */

	/*
	 * Required. Makes a device and says what it is. Returns 0, or -errno with
	 * *error filled and nothing left open. A device that may appear later
	 * fails here with -ENOENT, -ENXIO or -ENODEV: weft tries again.
	 */
	int (*open)(void **ret_device, const struct weft_params *params, struct weft_info *ret_info,
		    struct weft_error *error);
	/* Required. No I/O is outstanding. */
	void (*close)(void *device);
	/*
	 * Required. READ and WRITE always; FLUSH where the info says volatile_cache,
	 * DISCARD where it has a discard_granularity; WRITE_ZEROES may end in
	 * -EOPNOTSUPP, and the host then writes the zeroes itself.
	 */
	void (*submit)(void *device, struct weft_io *io);
	/*
	 * Optional. Lends memory that holds [offset, offset + length), for a READ
	 * without a copy: fills at most `count` pieces of iov, in order, length bytes
	 * in all, and returns how many; 0 where there is no such memory or it has
	 * more pieces: the READ is then submitted.
	 *
	 * The pieces are read by the kernel while it sends them, on this thread or
	 * later, and stay as they are until the device is closed: close() is called
	 * only when nothing that was lent is used any more, and nothing tells the
	 * backend earlier. WRITEs of the same range may be submitted meanwhile; the
	 * host then gets blocks of before or after, as it does from any disk that it
	 * reads and writes at a time.
	 */
	unsigned int (*lend)(void *device, uint64_t offset, uint64_t length, struct iovec *iov,
			     unsigned int count);
	/*
	 * Optional. Memory that [offset, offset + length) is kept in, one piece, for
	 * data that comes from the host; NULL: a WRITE is submitted. Whole blocks are
	 * stored there in place of a WRITE, some or all of them, in any order.
	 * written() is then called once with the same range, on the same thread,
	 * when nothing is stored there any more: all has come, or its host is gone.
	 * It may not block. The one needs the other.
	 */
	void *(*lend_write)(void *device, uint64_t offset, uint64_t length);
	void (*written)(void *device, uint64_t offset, uint64_t length);
	/* Optional. Says what the device is now (it may have been resized); called about once a
	 * second. 0 or -errno, which leaves *info as it is and fails the namespace. */
	int (*refresh)(void *device, struct weft_info *info);
};

/* What an overlay stands on. */
struct weft_child;

/*
 * Opens the child of that name, an option of the overlay's. Returns 0, or -errno
 * with *error filled; *ret_child and *ret_info (what the child is) are then
 * untouched. The child's device changes are the overlay's.
 */
int weft_child_open(struct weft_child **ret_child, const struct weft_params *params,
		    const char *name, struct weft_info *ret_info, struct weft_error *error);
/* No I/O of the child is outstanding. NULL is harmless. */
void weft_child_close(struct weft_child *child);
/* As the member refresh, *info is the child's; 0 where the child has none. */
int weft_child_refresh(struct weft_child *child, struct weft_info *info);
/*
 * Hands an I/O to the child, which owns its scratch from then on. Buffers must
 * be aligned to 4096.
 */
void weft_child_submit(struct weft_child *child, struct weft_io *io);

/* Logs one line in the daemon's log. level: a syslog priority, as in <syslog.h>. */
void weft_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
