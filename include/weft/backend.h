/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The backend interface: how a store of bytes becomes an NVMe namespace. Built-in
 * backends and plugins use this header, the only one that weft installs.
 *
 * A backend is a `const struct weft_backend`. A plugin is a shared object that
 * exports one symbol:
 *
 *	const struct weft_backend *weft_plugin(void);
 *
 * Versions. A plugin works with a later weftd without being rebuilt:
 *
 * - struct weft_backend begins with its own size, and new members are added at
 *   its end. Members beyond the end of a plugin's struct count as NULL. A plugin
 *   that is newer than weftd is loaded too, unless it sets a member or a flag that
 *   this weftd does not know: the plugin would rely on it, so it is refused.
 * - struct weft_info, weft_io and weft_option are made by either side, so they
 *   keep their sizes. New members take space from `reserved`, where 0 keeps the
 *   earlier behaviour. weftd refuses values that it does not know there when it
 *   loads the plugin or opens its device.
 * - enums get new values at their end. A new operation is submitted only to a
 *   backend that announces it by a member or a flag.
 *
 * These are to be added in that way, with their first user: metadata (a pointer in
 * weft_io, its size in weft_info), compare and zones (operations, and a flag each),
 * raw commands (a member `pass`, beside submit).
 *
 * Lifetimes. open() makes a device, one for each namespace. The device lives until
 * close(), which is called once, after the last I/O of that device is done.
 * open(), refresh() and close() run on threads of their own and may block: only
 * their namespace waits for them. For one device, one of them runs at a time; for
 * several devices they may run at once, so a backend guards what its devices share.
 * submit() and lend() run on a reactor and must never block. Several reactors use a
 * device at once, also while it is refreshed, so the backend guards what it changes
 * after open().
 *
 * Changes. weft calls refresh() about once a second. A backend that notices a change
 * by itself calls weft_device_changed(), and refresh() follows at once.
 *
 * Each submitted I/O is completed exactly once, by weft_io_done() on the same
 * thread (possibly before submit() returns) or by weft_io_done_from_thread()
 * anywhere else. submit() itself has no result.
 *
 * Overlays. A backend whose table has options of the type WEFT_OPTION_CHILD is an
 * overlay on other backends: each such option names a child ("child", or "parent"
 * and "base"). The option's value in the configuration is an object with the child's
 * backend and options; the child may be an overlay too:
 *
 *	"child": {"backend": "file", "path": "/srv/disk.img"}
 *
 * Messages and the command line call these options child.backend and child.path.
 * Each child's options are checked against its backend's table. The overlay's open()
 * calls weft_child_open() for each child that it needs, and its close() calls
 * weft_child_close(). Its submit() either passes the I/O on with weft_child_submit()
 * and does not use it any more; or completes the I/O itself; or submits I/Os of its
 * own (weft_io.done) and completes the I/O after them. A child's error and trouble
 * messages begin with the child's name.
 */
#ifndef WEFT_BACKEND_H
#define WEFT_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* An error message: names the object, the value, and what would be valid. */
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
	/* NULL: the I/O is the target's. For an overlay's own I/O: called on the reactor's thread
	 * when the I/O is done; the overlay copies `reactor` from the I/O that it serves. */
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
 * Watches a descriptor that signals completions: an eventfd, a timerfd, a library's socket.
 * The reactor waits for it together with its own descriptors, so it needs no thread.
 */
struct weft_watch;

/*
 * Has the reactor watch the descriptor. The caller owns the descriptor and keeps it open
 * until the watch is stopped. A reactor may watch a descriptor only once. Called on the
 * reactor's thread, from submit() or ready(), with that I/O's `reactor`. events: POLLIN,
 * POLLOUT, as for poll(2).
 *
 * ready() is called on that reactor's thread: once if the descriptor is ready when the
 * watch starts, and each time it becomes ready after that (edge-triggered). ready()
 * therefore uses the descriptor until EAGAIN; one read(2) of an eventfd or a timerfd is
 * enough. It must not block. It may be called when nothing is ready, and may stop the
 * watch.
 *
 * 0, or -errno: -EPERM where the descriptor cannot be watched (a regular file).
 */
int weft_watch_start(struct weft_watch **ret_watch, void *reactor, int fd, unsigned int events,
		     void (*ready)(void *context, unsigned int revents), void *context);
/*
 * Stops the watch and frees it. When this returns, ready() does not run and is not called
 * again, not even for events that have happened already, and the descriptor may be closed.
 * ready() itself may call this. May be called on any thread: close() stops a watch that
 * submit() started. On another thread it waits for the reactor, so the caller must hold no
 * lock that ready() takes. NULL is allowed.
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
	 * A message for the administrator about a device that works but has trouble:
	 * what is wrong, what it means, and what to do. "": no trouble. Shown and
	 * logged. Only refresh() sets it.
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
	WEFT_OPTION_CHILD,	/* a child backend: see Overlays */
};

/* One option of a backend: for validation, the CLI's help and a test of the man page. */
struct weft_option {
	const char *name;		/* [a-z_]+ */
	enum weft_option_type type;
	bool required;
	const char *fallback;		/* default value in words, for help; NULL: none */
	const char *help;		/* one line, no full stop */
	const void *reserved[3];	/* NULL; see Versions */
};

/* A namespace's options from the configuration, checked against the table. Borrowed. */
struct weft_params;
/* The option's value, or NULL if the option was not given. */
const char *weft_param_string(const struct weft_params *params, const char *name);
/* The option's value, or fallback if it was not given. Types were checked before open(). */
uint64_t weft_param_number(const struct weft_params *params, const char *name, uint64_t fallback);
bool weft_param_bool(const struct weft_params *params, const char *name, bool fallback);

/*
 * The recipient of weft_device_changed(), from the params of open(). Any thread may use it,
 * from open() until close() returns.
 */
struct weft_owner;
struct weft_owner *weft_params_owner(const struct weft_params *params);
/*
 * Tells weft that the device's size or trouble changed since the last refresh(), or that the
 * device is lost: weft calls refresh() soon. Any thread; does not block. Several calls before
 * that refresh() count as one.
 */
void weft_device_changed(struct weft_owner *owner);

enum weft_backend_flags {
	WEFT_BACKEND_SYNC = 1 << 0,	 /* READ and WRITE are done before submit() returns */
	WEFT_BACKEND_UNALIGNED = 1 << 1, /* takes buffers of any alignment */
};

#define WEFT_BACKEND_FLAGS ((1 << 2) - 1)	/* all that exist */

struct weft_backend {
	size_t size;			/* Required: sizeof(struct weft_backend) */
	const char *name;		/* Required: as in the configuration, [a-z0-9-]+ */
	const char *summary;		/* Required: one line for lists */
	uint32_t flags;			/* enum weft_backend_flags */
	const struct weft_option *options; /* Optional; ends with a NULL name */

	/*
	 * Required. Opens a device and fills *ret_info. Returns 0, or -errno with *error
	 * filled and nothing left open. For a device that may appear later it returns
	 * -ENOENT, -ENXIO or -ENODEV: weft tries again.
	 */
	int (*open)(void **ret_device, const struct weft_params *params, struct weft_info *ret_info,
		    struct weft_error *error);
	/* Required. No I/O is outstanding. */
	void (*close)(void *device);
	/*
	 * Required. Every backend serves READ and WRITE; FLUSH if its info has
	 * volatile_cache, DISCARD if it has a discard_granularity. WRITE_ZEROES may fail
	 * with -EOPNOTSUPP: the host then writes the zeroes itself.
	 */
	void (*submit)(void *device, struct weft_io *io);
	/*
	 * Optional. Lends memory that holds [offset, offset + length), for a READ
	 * without a copy: fills at most `count` entries of iov, in order, length bytes
	 * in all, and returns the number of entries. Returns 0 if there is no such
	 * memory or it needs more entries: the READ is then submitted.
	 *
	 * The kernel reads the memory while it sends it, during this call or later. The
	 * memory must stay valid until the device is closed: close() is called only
	 * when no lent memory is in use, and the backend is not told earlier. WRITEs to
	 * the same range may be submitted meanwhile; the host then reads old or new
	 * blocks, as from any disk that it reads and writes at the same time.
	 */
	unsigned int (*lend)(void *device, uint64_t offset, uint64_t length, struct iovec *iov,
			     unsigned int count);
	/*
	 * Optional. Lends the memory in which [offset, offset + length) is kept, in one
	 * piece, for data from the host. NULL: a WRITE is submitted. The target stores
	 * whole blocks there in place of a WRITE, some or all of them, in any order.
	 * written() is then called once with the same range, on the same thread, when
	 * the target has stopped storing: all data has arrived, or the host is gone.
	 * Neither may block. A backend has both members or neither.
	 */
	void *(*lend_write)(void *device, uint64_t offset, uint64_t length);
	void (*written)(void *device, uint64_t offset, uint64_t length);
	/* Optional. Updates *info (the device may have been resized); called about once a second.
	 * 0, or -errno with *info unchanged, which fails the namespace. */
	int (*refresh)(void *device, struct weft_info *info);
};

/* A child of an overlay. */
struct weft_child;

/*
 * Opens the child that the overlay's option `name` describes. Returns 0 with *ret_info
 * filled, or -errno with *error filled and *ret_child and *ret_info untouched. When the
 * child's device changes, the overlay's device has changed.
 */
int weft_child_open(struct weft_child **ret_child, const struct weft_params *params,
		    const char *name, struct weft_info *ret_info, struct weft_error *error);
/* Closes the child, of which no I/O is outstanding. NULL is allowed. */
void weft_child_close(struct weft_child *child);
/* As weft_backend.refresh, for the child's *info; 0 if the child's backend has no refresh. */
int weft_child_refresh(struct weft_child *child, struct weft_info *info);
/*
 * Hands an I/O to the child, which owns its scratch from then on. Buffers must
 * be aligned to 4096.
 */
void weft_child_submit(struct weft_child *child, struct weft_io *io);

/* Logs one line in the daemon's log. level: a syslog priority, as in <syslog.h>. */
void weft_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
