/* SPDX-License-Identifier: BSD-3-Clause */
/* Reports system calls that the sandbox refuses to standard error, for tests. */
#ifndef WEFT_DAEMON_SANDBOX_REPORT_H
#define WEFT_DAEMON_SANDBOX_REPORT_H

/*
 * Installs a handler of SIGSYS, which SECCOMP_RET_TRAP raises in the thread that made the call. The
 * handler writes "weftd: sandbox: ioctl (system call 16) refused, arguments 0x3 0x8933 0x7ffd".
 * Then the call fails with ENOSYS, as without reports. Call it before the filter is loaded.
 * 0 or -errno.
 */
int sandbox_report_install(void);

#endif
