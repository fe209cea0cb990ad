/* SPDX-License-Identifier: BSD-3-Clause */
/* Mutations of inputs that consist of records: whole records move, and single ones change. */
#include <stddef.h>
#include <string.h>

#include "record.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
				 uint8_t *out, size_t max_size, unsigned int seed);

/* Of the seed: xorshift. */
static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static uint32_t below(uint32_t *state, size_t limit)
{
	return (uint32_t)(next(state) % limit);
}

static uint8_t *at(uint8_t *data, size_t index)
{
	return data + index * RECORD_SIZE;
}

/* Makes room for a record before `index`; the caller has seen that it fits. */
static void open_gap(uint8_t *data, size_t count, size_t index)
{
	memmove(at(data, index + 1), at(data, index), (count - index) * RECORD_SIZE);
}

static size_t insert_random(uint8_t *data, size_t count, uint32_t *state)
{
	size_t index = below(state, count + 1);

	open_gap(data, count, index);
	for (unsigned int i = 0; i < RECORD_SIZE; i++)
		at(data, index)[i] = next(state) & 1 ? 0 : (uint8_t)next(state);
	at(data, index)[0] = (uint8_t)next(state);
	return count + 1;
}

static size_t copy_record(uint8_t *data, size_t count, uint32_t *state)
{
	uint8_t record[RECORD_SIZE];
	size_t index = below(state, count + 1);

	memcpy(record, at(data, below(state, count)), RECORD_SIZE);
	open_gap(data, count, index);
	memcpy(at(data, index), record, RECORD_SIZE);
	return count + 1;
}

static size_t remove_record(uint8_t *data, size_t count, uint32_t *state)
{
	size_t index = below(state, count);

	memmove(at(data, index), at(data, index + 1), (count - index - 1) * RECORD_SIZE);
	return count - 1;
}

static void swap_records(uint8_t *data, size_t count, uint32_t *state)
{
	uint8_t *a = at(data, below(state, count)), *b = at(data, below(state, count));
	uint8_t record[RECORD_SIZE];

	memcpy(record, a, RECORD_SIZE);
	memmove(a, b, RECORD_SIZE);
	memcpy(b, record, RECORD_SIZE);
}

static void change_record(uint8_t *data, size_t count, uint32_t *state)
{
	LLVMFuzzerMutate(at(data, below(state, count)), RECORD_SIZE, RECORD_SIZE);
}

static void change_byte(uint8_t *data, size_t count, uint32_t *state)
{
	uint8_t *byte = &at(data, below(state, count))[below(state, RECORD_SIZE)];

	*byte = next(state) & 1 ? (uint8_t)next(state) : *byte ^ (uint8_t)(1u << below(state, 8));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	uint32_t state = seed * 2654435761u | 1;
	size_t count = size / RECORD_SIZE, max = max_size / RECORD_SIZE;

	if (max == 0)
		return 0;
	for (unsigned int rounds = below(&state, 3) + 1; rounds > 0; rounds--) {
		uint32_t what = count ? below(&state, 8) : 0;

		if (what == 0 && count < max)
			count = insert_random(data, count, &state);
		else if (what == 1 && count < max)
			count = copy_record(data, count, &state);
		else if (what == 2 && count > 1)
			count = remove_record(data, count, &state);
		else if (what == 3)
			swap_records(data, count, &state);
		else if (what <= 5)
			change_record(data, count, &state);
		else
			change_byte(data, count, &state);
	}
	return count * RECORD_SIZE;
}

/* The beginning of one, then the end of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
				 uint8_t *out, size_t max_size, unsigned int seed)
{
	uint32_t state = seed * 2654435761u | 1;
	size_t head = below(&state, a_size / RECORD_SIZE + 1) * RECORD_SIZE;
	size_t tail = below(&state, b_size / RECORD_SIZE + 1) * RECORD_SIZE;

	if (head > max_size / RECORD_SIZE * RECORD_SIZE)
		head = max_size / RECORD_SIZE * RECORD_SIZE;
	if (tail > (max_size - head) / RECORD_SIZE * RECORD_SIZE)
		tail = (max_size - head) / RECORD_SIZE * RECORD_SIZE;
	memcpy(out, a, head);
	if (tail)
		memcpy(out + head, b + (b_size / RECORD_SIZE * RECORD_SIZE - tail), tail);
	return head + tail;
}
