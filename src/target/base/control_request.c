/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests from reactors to the control thread: see control_request.h. */
#include "target/base/control_request.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "target/base/reactor.h"
#include "target/base/target.h"
#include "util/list.h"

static struct control_request *request_of(struct loop_message *message)
{
	return container_of(message, struct control_request, message);
}

int control_inbox_init(struct control_inbox *inbox)
{
	inbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return inbox->fd < 0 ? -errno : 0;
}

void control_inbox_done(struct control_inbox *inbox)
{
	if (inbox->fd >= 0)
		close(inbox->fd);
}

void control_request_post(struct target *target, struct control_request *request)
{
	struct control_inbox *inbox = &target->inbox;
	struct loop_message *head = atomic_load_explicit(&inbox->posted, memory_order_relaxed);

	/* after the exchange the request may already be run, answered and freed */
	do
		request->message.next = head;
	while (!atomic_compare_exchange_weak(&inbox->posted, &head, &request->message));
	eventfd_write(inbox->fd, 1);
}

void control_inbox_run(struct control_inbox *inbox)
{
	struct loop_message *newest, *oldest = NULL;
	eventfd_t count;

	/* read before the exchange: a request posted later makes the descriptor readable again */
	eventfd_read(inbox->fd, &count);
	newest = atomic_exchange(&inbox->posted, NULL);
	while (newest) {
		struct loop_message *message = newest;

		newest = message->next;
		message->next = oldest;
		oldest = message;
	}
	while (oldest) {
		struct control_request *request = request_of(oldest);

		oldest = oldest->next;
		request->run(request);
	}
}

static void come_back(struct loop_message *message)
{
	struct control_request *request = request_of(message);

	request->done(request, request->result);
}

void control_request_answer(struct control_request *request, int result)
{
	request->result = result;
	request->message.run = come_back;
	loop_post(request->reactor->loop, &request->message);
}
