/* SPDX-License-Identifier: BSD-3-Clause */
/* Parses rules, and applies them to I/Os. */
#include "backend/fault/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/str.h"

#define ERRNO_MAX 133
#define DELAY_MAX_MS 600000
#define SPACE " \t"

uint64_t fault_random(uint64_t *state)
{
	/* xorshift64 */
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

int fault_errno_parse(const char *text)
{
	uint64_t number;

	for (int i = 1; i <= ERRNO_MAX; i++) {
		const char *name = strerrorname_np(i);

		if (name && !strcmp(name, text))
			return i;
	}
	return number_parse(text, 1, ERRNO_MAX, &number) == 0 ? (int)number : 0;
}

/* ---- words ---- */

static int parse_action(const char *word, enum fault_action *ret)
{
	static const char *const names[] = {
		[FAULT_FAIL] = "fail", [FAULT_DELAY] = "delay", [FAULT_HANG] = "hang",
		[FAULT_SHORT] = "short",
	};

	for (int i = FAULT_FAIL; word && i <= FAULT_SHORT; i++)
		if (!strcmp(word, names[i])) {
			*ret = (enum fault_action)i;
			return 0;
		}
	return -EINVAL;
}

static uint32_t op_bits(const char *name)
{
	static const struct {
		const char *name;
		uint32_t bits;
	} ops[] = {
		{ "read", 1 << WEFT_OP_READ },
		{ "write", 1 << WEFT_OP_WRITE },
		{ "flush", 1 << WEFT_OP_FLUSH },
		{ "zeroes", 1 << WEFT_OP_WRITE_ZEROES },
		{ "discard", 1 << WEFT_OP_DISCARD },
		{ "fua", FAULT_OP_FUA },
		{ "open", FAULT_OP_OPEN },
		{ "refresh", FAULT_OP_REFRESH },
		{ "close", FAULT_OP_CLOSE },
		{ "all", (1 << (WEFT_OP_DISCARD + 1)) - 1 },
	};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strcmp(name, ops[i].name))
			return ops[i].bits;
	return 0;
}

/* Parses operations such as "read,write". */
static int parse_ops(char *word, uint32_t *ret)
{
	uint32_t bits = 0, one;
	char *rest = NULL;

	for (char *name = word ? strtok_r(word, ",", &rest) : NULL; name;
	     name = strtok_r(NULL, ",", &rest)) {
		one = op_bits(name);
		if (!one)
			return -EINVAL;
		bits |= one;
	}
	*ret = bits;
	return bits ? 0 : -EINVAL;
}

/* Parses the argument that follows the operations of a rule. */
static int parse_argument(struct fault_verdict *verdict, char **rest)
{
	const char *word;

	if (verdict->action == FAULT_HANG)
		return 0;
	word = strtok_r(NULL, SPACE, rest);
	if (!word)
		return -EINVAL;
	switch (verdict->action) {
	case FAULT_FAIL:
		verdict->error = fault_errno_parse(word);
		return verdict->error ? 0 : -EINVAL;
	case FAULT_DELAY:
		return number_parse(word, 0, DELAY_MAX_MS, &verdict->amount);
	default:
		verdict->error = EIO;
		return size_parse(word, &verdict->amount);
	}
}

/* Parses a range such as "4096+512". */
static int parse_range(char *word, struct fault_rule *rule)
{
	char *plus = strchr(word, '+');

	if (!plus)
		return -EINVAL;
	*plus = '\0';
	if (size_parse(word, &rule->from) < 0 || size_parse(plus + 1, &rule->length) < 0)
		return -EINVAL;
	return rule->length ? 0 : -EINVAL;
}

/* Parses the limits "at", "odds" and "times". */
static int parse_limits(struct fault_rule *rule, char **rest)
{
	char *name, *value;
	int r = 0;

	while (!r && (name = strtok_r(NULL, SPACE, rest))) {
		value = strtok_r(NULL, SPACE, rest);
		if (!value)
			return -EINVAL;
		if (!strcmp(name, "at"))
			r = parse_range(value, rule);
		else if (!strcmp(name, "odds"))
			r = number_parse(value, 1, UINT32_MAX, &rule->odds);
		else if (!strcmp(name, "times"))
			r = number_parse(value, 1, UINT32_MAX, &rule->times);
		else
			r = -EINVAL;
	}
	return r;
}

static int parse(struct fault_rule *rule, char *words)
{
	char *rest = NULL;
	int r;

	r = parse_action(strtok_r(words, SPACE, &rest), &rule->verdict.action);
	if (!r)
		r = parse_ops(strtok_r(NULL, SPACE, &rest), &rule->ops);
	if (!r)
		r = parse_argument(&rule->verdict, &rest);
	if (!r)
		r = parse_limits(rule, &rest);
	return r;
}

int fault_rule_parse(struct fault_rule **ret_rule, const char *text, struct weft_error *error)
{
	struct fault_rule *rule = calloc(1, sizeof(*rule));
	char *words = strdup(text);
	int r;

	if (!rule || !words) {
		free(rule);
		free(words);
		return weft_error_set(error, ENOMEM, "out of memory");
	}
	rule->odds = 1;
	r = parse(rule, words);
	free(words);
	if (r < 0) {
		free(rule);
		return weft_error_set(error, EINVAL,
				      "fault: '%s' is no rule; one is 'fail OPS ERRNO', "
				      "'delay OPS MILLISECONDS', 'hang OPS' or 'short OPS BYTES', "
				      "then 'at OFFSET+LENGTH', 'odds N', 'times N' as wanted",
				      text);
	}
	list_init(&rule->node);
	*ret_rule = rule;
	return 0;
}

/* ---- judging ---- */

/* The properties of an I/O or a call that rules look at. A call has no length. */
struct subject {
	uint32_t ops;
	uint64_t offset, length;
};

static bool meets(const struct fault_rule *rule, const struct subject *subject, uint64_t *random)
{
	if (!(rule->ops & subject->ops))
		return false;
	if (rule->length && (subject->offset >= rule->from + rule->length ||
			     subject->offset + subject->length <= rule->from))
		return false;
	return rule->odds == 1 || fault_random(random) % rule->odds == 0;
}

static struct fault_verdict judge(struct list *rules, const struct subject *subject,
				  uint64_t *random)
{
	struct fault_verdict verdict = { FAULT_PASS };

	list_for_each(node, rules) {
		struct fault_rule *rule = list_entry(node, struct fault_rule, node);

		if (!meets(rule, subject, random))
			continue;
		verdict = rule->verdict;
		if (rule->times && --rule->times == 0) {
			list_del(&rule->node);
			free(rule);
		}
		break;
	}
	return verdict;
}

struct fault_verdict fault_rules_judge(struct list *rules, const struct weft_io *io,
				       uint64_t *random)
{
	struct subject subject = {
		.ops = 1u << io->op | (io->flags & WEFT_IO_FUA ? FAULT_OP_FUA : 0),
		.offset = io->offset, .length = io->length,
	};

	return judge(rules, &subject, random);
}

struct fault_verdict fault_rules_judge_call(struct list *rules, uint32_t op, uint64_t *random)
{
	return judge(rules, &(struct subject){ .ops = op }, random);
}

void fault_rules_free(struct list *rules)
{
	struct list *node;

	while ((node = list_pop(rules)))
		free(list_entry(node, struct fault_rule, node));
}
