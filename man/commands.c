/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints weft-commands(7), in scdoc's language, from the tables that the target works by. */
#include <stdio.h>

#include "target/queue/command.h"

static const char head[] =
	"weft-commands(7)\n"
	"\n"
	"# NAME\n"
	"\n"
	"weft-commands - what weftd serves: NVMe commands, log pages, features, Identify data\n"
	"\n"
	"# DESCRIPTION\n"
	"\n"
	"*weftd*(8) serves what is listed here; anything else is refused as invalid. Fields that\n"
	"are reserved, or that belong to what is not here, are ignored.\n"
	"\n"
	"Base is the NVM Express Base Specification, NVM the NVM Command Set Specification.\n";

static const char tail[] =
	"\n"
	"# SEE ALSO\n"
	"\n"
	"*weftd*(8)\n";

static const char *queues(uint8_t on)
{
	switch (on) {
	case ON_NEW:
		return "Before Connect. ";
	case ON_BOTH | ON_IO:
		return "On every queue. ";
	case ON_DISCOVERY:
		return "Of discovery controllers. ";
	case ON_ADMIN:
		return "Of I/O controllers. ";
	case ON_BOTH:
		return "Of I/O and discovery controllers. ";
	default:
		return "";
	}
}

static void print_transfer(uint8_t opcode, const struct command *command)
{
	static const char *const ways[] = {
		[NVME_DATA_TO_CTRL] = "from the host", [NVME_DATA_TO_HOST] = "to the host",
	};
	enum nvme_data_dir dir = nvme_opcode_dir(opcode);

	if (dir == NVME_DATA_NONE || dir == NVME_DATA_BOTH)
		printf("Transfers no data. ");
	else if (command->flags & COMMAND_BLOCKS)
		printf("Transfers its blocks %s. ", ways[dir]);
	else if (command->length)
		printf("Transfers %u bytes %s. ", command->length, ways[dir]);
	else
		printf("Transfers data %s. ", ways[dir]);
}

static void print_command(uint8_t opcode, const struct command *command)
{
	printf("\n*%s* (%02Xh)\n\t%s", command->name, opcode, queues(command->on));
	print_transfer(opcode, command);
	if (command->flags & COMMAND_WRITES)
		printf("Refused on a namespace that is write protected. ");
	printf("%s%s%s.\n", command->notes ? command->notes : "", command->notes ? " " : "",
	       command->section);
}

static void print_set(const char *title, const struct command_set *set)
{
	printf("\n# %s\n", title);
	for (unsigned int opcode = 0; opcode < set->count; opcode++)
		if (set->commands[opcode].name)
			print_command((uint8_t)opcode, &set->commands[opcode]);
}

static void print_catalog(const char *title, const struct catalog_entry *(*catalog)(size_t))
{
	const struct catalog_entry *entry;

	printf("\n# %s\n", title);
	for (size_t i = 0; (entry = catalog(i)); i++)
		printf("\n*%s* (%02Xh)\n\t%s%s%s.\n", entry->name, entry->id, queues(entry->on),
		       entry->section[0] == '5' ? "Base 2.1, " : "", entry->section);
}

int main(void)
{
	fputs(head, stdout);
	print_set("FABRICS COMMANDS, BY FCTYPE", &fabrics_commands);
	print_set("ADMIN COMMANDS", &admin_commands);
	print_set("I/O COMMANDS", &nvm_commands);
	print_catalog("LOG PAGES", log_catalog);
	print_catalog("FEATURES", feature_catalog);
	print_catalog("IDENTIFY DATA", identify_catalog);
	fputs(tail, stdout);
	return 0;
}
