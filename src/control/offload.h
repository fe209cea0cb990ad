/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Work that may take long or hang, such as stat() of a file on a server that does not
 * answer. A separate thread does the work; the control thread does not wait, and gets
 * the result by a call of done().
 */
#ifndef WEFT_CONTROL_OFFLOAD_H
#define WEFT_CONTROL_OFFLOAD_H

struct offload;

/* The most threads at a time, including those that hang. */
#define OFFLOAD_MAX 64

struct offload_work {
	/* Called on the thread. */
	void (*work)(void *arg);
	/*
	 * Called on the control thread, exactly once. 0: the work has ended, and done()
	 * owns arg. -ETIMEDOUT, or -ECANCELED when weftd stops: the work has not ended.
	 */
	void (*done)(void *arg, int result);
	/*
	 * Called when the work ends after done() got an error, usually on the thread.
	 * Frees arg; done() must not have freed any part that the work needs.
	 */
	void (*late)(void *arg);
	void *arg;
	unsigned int timeout_ms;
};

/* NULL if memory or file descriptors ran out. */
struct offload *offload_new(void);
/* Calls done() with -ECANCELED for all work that has not ended. NULL is harmless. */
void offload_free(struct offload *offload);
/* 0, or -errno if the work is not started: -EAGAIN if OFFLOAD_MAX threads are running. */
int offload_start(struct offload *offload, const struct offload_work *work);
/* A descriptor that is readable when offload_run() is to be called. */
int offload_fd(const struct offload *offload);
void offload_run(struct offload *offload);

#endif
