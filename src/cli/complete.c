/* SPDX-License-Identifier: BSD-3-Clause */
/* Completion for shells, made from the rows of the commands. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command.h"

static void print_commands(void)
{
	for (size_t i = 0; i < command_count; i++)
		puts(commands[i]->name);
}

/* Prints words, one a line. */
static void print_words(const char *words)
{
	if (strcmp(words, COMPLETE_COMMANDS) == 0) {
		print_commands();
		return;
	}
	while (*words) {
		size_t length = strcspn(words, " ");

		printf("%.*s\n", (int)length, words);
		words += length;
		while (*words == ' ')
			words++;
	}
}

static void print_options(const struct command *command)
{
	const struct command_option *option;

	for (size_t i = 0; (option = command_option(command, i)); i++)
		if (*option->name)
			printf("--%s\n", option->name);
}

/* The option that the word names, if it takes a value; else NULL. */
static const struct command_option *find_option(const struct command *command, const char *word)
{
	const struct command_option *option;

	for (size_t i = 0; (option = command_option(command, i)); i++) {
		if (!*option->name || !option->value)
			continue;
		if (strncmp(word, "--", 2) == 0 && strcmp(word + 2, option->name) == 0)
			return option;
		if (word[0] == '-' && word[1] && word[1] == option->id && !word[2])
			return option;
	}
	return NULL;
}

int complete_print(int argc, char **argv)
{
	const char *word = argc > 0 ? argv[argc - 1] : "";
	const char *before = argc > 1 ? argv[argc - 2] : "";
	const struct command *command = NULL;
	const struct command_option *option;

	for (int i = 0; i + 1 < argc && !command; i++) {
		if (strcmp(argv[i], "--socket") == 0)
			i++; /* skip the option's value */
		else if (argv[i][0] != '-')
			command = command_find(argv[i]);
	}
	option = command ? find_option(command, before) : NULL;
	if (option || (!command && strcmp(before, "--socket") == 0)) {
		const char *completes = option ? option->completes : COMPLETE_FILES;

		print_words(completes ? completes : "");
	} else if (!command && word[0] == '-') {
		print_words("--json --socket --version --help");
	} else if (!command) {
		print_commands();
	} else if (word[0] == '-') {
		print_options(command);
	} else if (command->completes) {
		print_words(command->completes);
	}
	return CLI_OK;
}
