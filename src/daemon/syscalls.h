/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The system calls that sandbox.c allows weftd to make after it has started. Calls that
 * an architecture does not have are ignored.
 */
#ifndef WEFT_DAEMON_SYSCALLS_H
#define WEFT_DAEMON_SYSCALLS_H

#include <seccomp.h>

/* Calls that are allowed with any arguments. */
static const int syscalls_allowed[] = {
	/* threads, memory, time */
	SCMP_SYS(arch_prctl), SCMP_SYS(brk), SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(futex),
	SCMP_SYS(getpid), SCMP_SYS(getrandom), SCMP_SYS(getrusage), SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday), SCMP_SYS(madvise), SCMP_SYS(membarrier), SCMP_SYS(mremap),
	SCMP_SYS(munmap), SCMP_SYS(nanosleep), SCMP_SYS(restart_syscall), SCMP_SYS(rseq),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_yield),
	SCMP_SYS(set_robust_list), SCMP_SYS(set_tid_address), SCMP_SYS(sigaltstack),
	/* ids of user and group, current folder, system information */
	SCMP_SYS(getcwd), SCMP_SYS(getegid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getuid), SCMP_SYS(sysinfo), SCMP_SYS(uname),
	/* waiting; no io_uring_setup(), because this filter does not see a ring's operations */
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_wait), SCMP_SYS(eventfd2),
	SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(poll), SCMP_SYS(ppoll),
	SCMP_SYS(pselect6), SCMP_SYS(select), SCMP_SYS(signalfd4), SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_gettime), SCMP_SYS(timerfd_settime),
	/* descriptors */
	SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(dup3), SCMP_SYS(fcntl), SCMP_SYS(lseek),
	SCMP_SYS(pipe2), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(preadv2),
	SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(pwritev2), SCMP_SYS(read),
	SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev),
	/* files: disks, the configuration, the state directory */
	SCMP_SYS(access), SCMP_SYS(chmod), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(fadvise64), SCMP_SYS(fallocate), SCMP_SYS(fchmod), SCMP_SYS(fchmodat),
	SCMP_SYS(fdatasync), SCMP_SYS(flock), SCMP_SYS(fstat), SCMP_SYS(fstatfs), SCMP_SYS(fsync),
	SCMP_SYS(ftruncate), SCMP_SYS(getdents64), SCMP_SYS(lstat), SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat), SCMP_SYS(newfstatat), SCMP_SYS(open), SCMP_SYS(openat),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(rename), SCMP_SYS(renameat),
	SCMP_SYS(renameat2), SCMP_SYS(stat), SCMP_SYS(statfs), SCMP_SYS(statx),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat),
	/* sockets; sandbox.c allows socket() by its arguments */
	SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(bind), SCMP_SYS(connect),
	SCMP_SYS(getpeername), SCMP_SYS(getsockname), SCMP_SYS(getsockopt), SCMP_SYS(listen),
	SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendmmsg), SCMP_SYS(sendmsg),
	SCMP_SYS(sendto), SCMP_SYS(setsockopt), SCMP_SYS(shutdown),
};

/* Calls refused without a report, because the C library falls back to another call. */
static const int syscalls_refused[] = {
	SCMP_SYS(clone3),	/* falls back to clone(), whose flags the filter can check */
};

/* Further calls that plugins for remote storage need. */
static const int syscalls_plugins[] = {
	SCMP_SYS(copy_file_range), SCMP_SYS(dup2), SCMP_SYS(epoll_create), SCMP_SYS(eventfd),
	SCMP_SYS(getdents), SCMP_SYS(getgroups), SCMP_SYS(getpriority), SCMP_SYS(getrlimit),
	SCMP_SYS(inotify_add_watch), SCMP_SYS(inotify_init1), SCMP_SYS(inotify_rm_watch),
	SCMP_SYS(ioctl), SCMP_SYS(memfd_create), SCMP_SYS(mincore), SCMP_SYS(mlock),
	SCMP_SYS(mlock2), SCMP_SYS(msync), SCMP_SYS(munlock), SCMP_SYS(pipe), SCMP_SYS(prctl),
	SCMP_SYS(prlimit64), SCMP_SYS(readahead), SCMP_SYS(recvmmsg),
	SCMP_SYS(sched_get_priority_max), SCMP_SYS(sched_get_priority_min),
	SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler), SCMP_SYS(sendfile),
	SCMP_SYS(socketpair), SCMP_SYS(splice), SCMP_SYS(sync_file_range),
	SCMP_SYS(time), SCMP_SYS(times), SCMP_SYS(utimensat),
};

/* Calls of the sanitizers in test builds. LeakSanitizer scans memory in a separate process. */
static const int syscalls_sanitizers[] = {
	SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(dup2), SCMP_SYS(execve), SCMP_SYS(getdents),
	SCMP_SYS(getppid), SCMP_SYS(getrlimit), SCMP_SYS(kill), SCMP_SYS(mincore),
	SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(personality), SCMP_SYS(pipe),
	SCMP_SYS(prctl), SCMP_SYS(prlimit64), SCMP_SYS(process_vm_readv), SCMP_SYS(ptrace),
	SCMP_SYS(setrlimit), SCMP_SYS(tgkill), SCMP_SYS(tkill), SCMP_SYS(wait4),
};

#endif
