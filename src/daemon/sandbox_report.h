/* SPDX-License-Identifier: BSD-3-Clause */
/* For tests: a system call that the sandbox refuses is written to standard error. */
#ifndef WEFT_DAEMON_SANDBOX_REPORT_H
#define WEFT_DAEMON_SANDBOX_REPORT_H

/*
 * Installs a handler of SIGSYS, which SECCOMP_RET_TRAP raises in the thread that made the call. It
 * writes "weftd: sandbox: ioctl (system call 16) refused, arguments 0x3 0x8933 0x7ffd" and lets
 * the call fail with ENOSYS, as it does for users. Before the filter is loaded. 0 or -errno.
 */
int sandbox_report_install(void);

#endif
