/* SPDX-License-Identifier: BSD-3-Clause */
/* The filter of system calls, made with libseccomp: see sandbox.h. */
#include "daemon/sandbox.h"

#include <errno.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weft/backend.h>

#include "daemon/sandbox_report.h"
#include "daemon/syscalls.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZERS true
#elif defined(__has_feature)
#define SANITIZERS (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZERS false
#endif

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41	/* glibc names memory mappings with it */
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A system call that is allowed if one of its arguments, masked with `mask`, equals `value`. */
struct argument_rule {
	int call;
	unsigned int argument;
	uint64_t mask, value;
};

#define NEW_NAMESPACES (CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | \
			CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWUTS)
#define WHOLE UINT32_MAX

static const struct argument_rule argument_rules[] = {
	/* threads, not processes; glibc calls it if clone3() fails: no filter can read its flags */
	{ SCMP_SYS(clone), 0, CLONE_THREAD | NEW_NAMESPACES, CLONE_THREAD },
	/* no mapping that is writable and executable; mprotect() cannot add PROT_EXEC */
	{ SCMP_SYS(mmap), 2, PROT_EXEC, 0 },
	{ SCMP_SYS(mmap), 2, PROT_WRITE, 0 },
	{ SCMP_SYS(mmap2), 2, PROT_EXEC, 0 },
	{ SCMP_SYS(mmap2), 2, PROT_WRITE, 0 },
	{ SCMP_SYS(mprotect), 2, PROT_EXEC, 0 },
	{ SCMP_SYS(prctl), 0, WHOLE, PR_SET_NAME },
	{ SCMP_SYS(prctl), 0, WHOLE, PR_SET_VMA },
	/* libcap, which nss-systemd(8) loads to look up a user */
	{ SCMP_SYS(prctl), 0, WHOLE, PR_CAPBSET_READ },
	/* reading limits only: the third argument, the new limits, is NULL */
	{ SCMP_SYS(prlimit64), 2, UINT64_MAX, 0 },
	{ SCMP_SYS(socket), 0, WHOLE, AF_INET },
	{ SCMP_SYS(socket), 0, WHOLE, AF_INET6 },
	{ SCMP_SYS(socket), 0, WHOLE, AF_UNIX },
	{ SCMP_SYS(ioctl), 1, WHOLE, BLKDISCARD },
	{ SCMP_SYS(ioctl), 1, WHOLE, BLKGETSIZE64 },
	{ SCMP_SYS(ioctl), 1, WHOLE, BLKPBSZGET },
	{ SCMP_SYS(ioctl), 1, WHOLE, BLKROGET },
	{ SCMP_SYS(ioctl), 1, WHOLE, BLKSSZGET },
	{ SCMP_SYS(ioctl), 1, WHOLE, FIONBIO },
	{ SCMP_SYS(ioctl), 1, WHOLE, FIONREAD },
	/* interface names: if_nametoindex(), if_indextoname() */
	{ SCMP_SYS(ioctl), 1, WHOLE, SIOCGIFINDEX },
	{ SCMP_SYS(ioctl), 1, WHOLE, SIOCGIFNAME },
	{ SCMP_SYS(ioctl), 1, WHOLE, TCGETS },
};

static int allow_all(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return r;
}

static int allow_by_argument(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; i < COUNT(argument_rules) && r == 0; i++) {
		const struct argument_rule *rule = &argument_rules[i];

		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, rule->call, 1,
				     SCMP_CMP64(rule->argument, SCMP_CMP_MASKED_EQ, rule->mask,
						rule->value));
	}
	return r;
}

/* Allows rtnetlink, to read this machine's addresses, and tgkill() of this process, for abort(). */
static int allow_special(scmp_filter_ctx filter)
{
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
				 SCMP_A0_32(SCMP_CMP_EQ, AF_NETLINK),
				 SCMP_A2_32(SCMP_CMP_EQ, NETLINK_ROUTE));

	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				     SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid()));
	return r;
}

/* Refuses calls without a report if the C library has a fallback for them: syscalls_refused. */
static int refuse_known(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; i < COUNT(syscalls_refused) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), syscalls_refused[i], 0);
	return r;
}

static int fill(scmp_filter_ctx filter, enum sandbox_mode mode, bool plugins)
{
	int r;

	/* the filter applies to all threads; no SSB mitigation, which would slow weftd down */
	r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = allow_all(filter, syscalls_allowed, COUNT(syscalls_allowed));
	if (r == 0 && plugins)
		r = allow_all(filter, syscalls_plugins, COUNT(syscalls_plugins));
	if (r == 0 && SANITIZERS)
		r = allow_all(filter, syscalls_sanitizers, COUNT(syscalls_sanitizers));
	if (r == 0)
		r = allow_by_argument(filter);
	if (r == 0 && mode == SANDBOX_REPORT && !SANITIZERS)
		r = refuse_known(filter);
	return r ? r : allow_special(filter);
}

/* Calls that are not on the list fail with ENOSYS: C libraries then fall back to older calls. */
static int install_filter(enum sandbox_mode mode, bool plugins)
{
	uint32_t refusal = mode == SANDBOX_REPORT ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(ENOSYS);
	scmp_filter_ctx filter = seccomp_init(refusal);
	int r;

	if (!filter)
		return -ENOMEM;
	r = fill(filter, mode, plugins);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

int sandbox_enter(enum sandbox_mode mode, bool plugins, struct weft_error *error)
{
	int r = mode == SANDBOX_REPORT ? sandbox_report_install() : 0;

	if (mode == SANDBOX_OFF)
		return 0;
	if (r == 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		       prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0))
		r = -errno;
	if (r == 0)
		r = install_filter(mode, plugins);
	if (r == 0)
		return 0;
	return weft_error_set(error, -r, "cannot give up system calls that are not needed (%s): "
			      "allow seccomp, or start with --sandbox off", strerror(-r));
}
