/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts the lines of each peer: see log_peer.h. */
#include "util/log_peer.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "util/log.h"

#define LAST_BYTES 512		/* of a suppressed line that are kept */

/* One kind of line of one peer. */
struct place {
	const char *format;		/* the kind; NULL: the place is free */
	char peer[LOG_PEER_NAME];
	unsigned int lines;		/* written since the last look, at most LOG_PEER_LINES */
	uint64_t unsaid;		/* lines suppressed since the last look, */
	int level;			/* and the last of them: its level and text */
	char last[LAST_BYTES];
};

static struct {
	pthread_mutex_t lock;
	struct place places[LOG_PEER_PLACES + 1]; /* the last is shared by all that find no other */
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct place *place_of(const char *peer, const char *format)
{
	struct place *others = &state.places[LOG_PEER_PLACES], *free_one = NULL;

	for (struct place *place = state.places; place < others; place++) {
		if (place->format == format &&
		    strncmp(place->peer, peer, sizeof(place->peer) - 1) == 0)
			return place;
		if (!place->format && !free_one)
			free_one = place;
	}
	if (!free_one) {
		others->format = format;
		snprintf(others->peer, sizeof(others->peer), "other peers");
		return others;
	}
	free_one->format = format;
	snprintf(free_one->peer, sizeof(free_one->peer), "%s", peer);
	return free_one;
}

void log_peer(int level, const char *peer, const char *format, ...)
{
	struct place *place;
	va_list args;
	bool written;

	if (level > log_level())
		return;
	va_start(args, format);
	pthread_mutex_lock(&state.lock);
	place = place_of(peer, format);
	written = place->lines < LOG_PEER_LINES;
	if (written) {
		place->lines++;
	} else {
		place->unsaid++;
		place->level = level;
		vsnprintf(place->last, sizeof(place->last), format, args);
	}
	pthread_mutex_unlock(&state.lock);
	if (written)
		log_vline(level, format, args);
	va_end(args);
}

/* Copies the counts of a place for log_peer_look(), and resets them for the next period. */
static void look(struct place *place, struct place *ret_said)
{
	pthread_mutex_lock(&state.lock);
	*ret_said = *place;
	if (place->unsaid)
		place->unsaid = 0;
	else
		*place = (struct place){ 0 };
	pthread_mutex_unlock(&state.lock);
}

void log_peer_look(void)
{
	struct place said;

	for (unsigned int i = 0; i <= LOG_PEER_PLACES; i++) {
		look(&state.places[i], &said);
		if (said.unsaid)
			log_line(said.level, "%llu more like this from %s in the last %u s, the "
				 "last: %s", (unsigned long long)said.unsaid, said.peer,
				 LOG_PEER_SECONDS, said.last);
	}
}
