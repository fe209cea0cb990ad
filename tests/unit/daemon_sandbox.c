/* SPDX-License-Identifier: BSD-3-Clause */
/* What can still be done in weftd's sandbox, and what cannot: each in a process of its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <weft/backend.h>

#include "daemon/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZERS true		/* they get what they need, which is most of what is tried here */
#elif defined(__has_feature)
#define SANITIZERS (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZERS false
#endif

/* Runs a check in the sandbox; its wait status. */
static int run(bool (*check)(void), bool plugins)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		const struct rlimit core = { 1 << 20, 1 << 20 };
		struct weft_error error;

		setrlimit(RLIMIT_CORE, &core);
		_exit(sandbox_enter(plugins, &error) == 0 && check() ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

#define holds(check) assert_int_equal(run(check, false), 0)

static bool is_absent(long result)
{
	return result < 0 && errno == ENOSYS;
}

static bool runs_no_program(void)
{
	char *const none[] = { NULL };

	return is_absent(execve("/bin/true", none, none)) &&
	       is_absent(syscall(SYS_execveat, AT_FDCWD, "/bin/true", none, none, 0));
}

static bool makes_no_process(void)
{
	return is_absent(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) &&
	       is_absent(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)) &&
	       is_absent(syscall(SYS_clone3, NULL, 0)) && is_absent(unshare(CLONE_NEWUSER));
}

static bool touches_no_other_process(void)
{
	return is_absent(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL)) &&
	       is_absent(kill(getppid(), 0)) &&
	       is_absent(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static bool changes_no_rights(void)
{
	const struct rlimit limit = { 16, 16 };

	return is_absent(syscall(SYS_setuid, 0)) && is_absent(syscall(SYS_chown, "/", 0, 0)) &&
	       is_absent(mount("none", "/", NULL, MS_BIND, NULL)) &&
	       is_absent(syscall(SYS_init_module, NULL, 0, "")) &&
	       is_absent(syscall(SYS_bpf, 0, NULL, 0)) &&
	       is_absent(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)) &&
	       is_absent(setrlimit(RLIMIT_CORE, &limit));
}

static bool has_no_other_sockets(void)
{
	return is_absent(socket(AF_PACKET, SOCK_RAW, 0)) &&
	       is_absent(socket(AF_NETLINK, SOCK_RAW, 9 /* NETLINK_AUDIT */)) &&
	       is_absent(socket(AF_VSOCK, SOCK_STREAM, 0)) &&
	       is_absent(socket(AF_ALG, SOCK_SEQPACKET, 0));
}

static bool has_no_writable_code(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory != MAP_FAILED && is_absent(mprotect(memory, 4096, PROT_READ | PROT_EXEC)) &&
	       mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0) == MAP_FAILED && errno == ENOSYS;
}

static bool makes_no_ring(void)
{
	struct io_uring_params params = { 0 };

	return is_absent(syscall(__NR_io_uring_setup, 4, &params));
}

static bool types_on_no_terminal(void)
{
	char key = 'x';

	return is_absent(syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, &key));
}

static void *nothing(void *arg)
{
	return arg;
}

static bool makes_threads(void)
{
	pthread_t thread;
	int here;
	void *result;

	return pthread_create(&thread, NULL, nothing, &here) == 0 &&
	       pthread_join(thread, &result) == 0 && result == &here;
}

static bool listens(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       listen(fd, 1) == 0 && socket(AF_INET6, SOCK_STREAM, 0) >= 0 &&
	       socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

/* As set-user-ID programs and /proc see it. */
static bool is_marked(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	int found = 0;

	while (file && fgets(line, sizeof(line), file))
		found += !strcmp(line, "NoNewPrivs:\t1\n") || !strcmp(line, "Seccomp:\t2\n");
	return found == 2;
}

static bool aborts(void)
{
	abort();
}

static void test_allowed(void **state)
{
	holds(makes_threads);
	holds(listens);
}

static void test_absent(void **state)
{
	holds(runs_no_program);
	holds(makes_no_process);
	holds(touches_no_other_process);
	holds(changes_no_rights);
	holds(has_no_writable_code);
	holds(types_on_no_terminal);
}

static void test_absent_even_with_sanitizers(void **state)
{
	holds(is_marked);
	holds(has_no_other_sockets);
	holds(makes_no_ring);
}

/* Plugins get more, but no programs. */
static bool plugin_needs(void)
{
	return memfd_create("plugin", 0) >= 0 && (SANITIZERS || runs_no_program());
}

static void test_plugins(void **state)
{
	assert_int_equal(run(plugin_needs, true), 0);
	assert_int_not_equal(run(plugin_needs, false), 0);
}

/* Secrets and other people's data stay out of files: a crash dumps no core. */
static void test_no_core(void **state)
{
	int status = run(aborts, false);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_false(WCOREDUMP(status));
}

/* A thread that was there before is in it too. */
static volatile bool stop;
static volatile long result;

static void *wait_and_exec(void *arg)
{
	char *const none[] = { NULL };

	while (!stop)
		sched_yield();
	result = execve("/bin/true", none, none) < 0 ? errno : 0;
	return NULL;
}

static void test_all_threads(void **state)
{
	pid_t child;
	int status;

	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct weft_error error;
		pthread_t thread;

		if (pthread_create(&thread, NULL, wait_and_exec, NULL) ||
		    sandbox_enter(false, &error) < 0)
			_exit(1);
		stop = true;
		pthread_join(thread, NULL);
		_exit(result == ENOSYS ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest always[] = {
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_absent_even_with_sanitizers),
		cmocka_unit_test(test_plugins),
		cmocka_unit_test(test_no_core),
	};
	const struct CMUnitTest without_sanitizers[] = {
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_all_threads),
	};
	int failed = cmocka_run_group_tests(always, NULL, NULL);

	if (!SANITIZERS)
		failed += cmocka_run_group_tests(without_sanitizers, NULL, NULL);
	return failed;
}
