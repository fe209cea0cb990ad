/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Work that may take long, or hang (a look at a file on a server that is gone), done
 * by a thread of its own. The control thread goes on, and is told what came of it.
 */
#ifndef WEFT_CONTROL_OFFLOAD_H
#define WEFT_CONTROL_OFFLOAD_H

struct offload;

/* What may be under way at a time, the works that hang among them. */
#define OFFLOAD_MAX 64

struct offload_work {
	/* On the thread. */
	void (*work)(void *arg);
	/*
	 * On the control thread, exactly once. 0: the work has ended, and arg is the
	 * caller's. -ETIMEDOUT, or -ECANCELED where weftd ends: it has not.
	 */
	void (*done)(void *arg, int result);
	/*
	 * On the thread, as a rule: the work has ended after all. Frees arg, of which
	 * done() has left whatever the work needs.
	 */
	void (*late)(void *arg);
	void *arg;
	unsigned int timeout_ms;
};

/* NULL where memory or descriptors ran out. */
struct offload *offload_new(void);
/* Ends all that is under way with -ECANCELED. NULL is harmless. */
void offload_free(struct offload *offload);
/* 0, or -errno with nothing begun: -EAGAIN where OFFLOAD_MAX are under way. */
int offload_start(struct offload *offload, const struct offload_work *work);
/* Readable when offload_run() is due. */
int offload_fd(const struct offload *offload);
void offload_run(struct offload *offload);

#endif
