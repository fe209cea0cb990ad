/* SPDX-License-Identifier: BSD-3-Clause */
/* Reports system calls that the sandbox refuses, for tests: see sandbox_report.h. */
#include "daemon/sandbox_report.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#define CALLS 1024	/* more system calls than any architecture has */
#define ARGUMENTS 3

static char *names[CALLS];	/* owned; NULL: this architecture has no such call */

#if defined(__x86_64__)
static uintptr_t argument(const ucontext_t *context, unsigned int index)
{
	static const int registers[ARGUMENTS] = { REG_RDI, REG_RSI, REG_RDX };

	return (uintptr_t)context->uc_mcontext.gregs[registers[index]];
}

static void set_result(ucontext_t *context, long result)
{
	context->uc_mcontext.gregs[REG_RAX] = result;
}
#elif defined(__aarch64__)
static uintptr_t argument(const ucontext_t *context, unsigned int index)
{
	return context->uc_mcontext.regs[index];
}

static void set_result(ucontext_t *context, long result)
{
	context->uc_mcontext.regs[0] = (unsigned long)result;
}
#elif defined(__riscv)
static uintptr_t argument(const ucontext_t *context, unsigned int index)
{
	return context->uc_mcontext.__gregs[REG_A0 + index];
}

static void set_result(ucontext_t *context, long result)
{
	context->uc_mcontext.__gregs[REG_A0] = (unsigned long)result;
}
#else
#define NO_REGISTERS
static uintptr_t argument(const ucontext_t *context, unsigned int index)
{
	return 0;
}

static void set_result(ucontext_t *context, long result)
{
}
#endif

static void refused(int number, siginfo_t *info, void *context)
{
	int call = info->si_syscall, saved = errno, length;
	char line[160];

	length = snprintf(line, sizeof(line),
			  "weftd: sandbox: %s (system call %d) refused, arguments 0x%lx 0x%lx "
			  "0x%lx\n", call >= 0 && call < CALLS && names[call] ? names[call] : "?",
			  call, (unsigned long)argument(context, 0),
			  (unsigned long)argument(context, 1), (unsigned long)argument(context, 2));
	if (write(STDERR_FILENO, line, (size_t)length) < 0)
		abort();	/* else a test would miss the report and pass */
	set_result(context, -ENOSYS);
	errno = saved;
}

int sandbox_report_install(void)
{
	struct sigaction action = { .sa_sigaction = refused, .sa_flags = SA_SIGINFO | SA_NODEFER };

#ifdef NO_REGISTERS
	return -EOPNOTSUPP;
#endif
	for (int call = 0; call < CALLS; call++) {
		free(names[call]);
		names[call] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);
	}
	return sigaction(SIGSYS, &action, NULL) < 0 ? -errno : 0;
}
