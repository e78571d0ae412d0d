// A plugin of QEMU, interface version 1, that counts the instructions run within ranges of
// addresses. Arguments: range=FROM-TO (hexadecimal), as often as there are ranges. At the end it
// writes, one line a range, all instructions and the vector multiply-adds (FMLA, FMLS) among them.
//
// Debian packages no header of the interface, so the prototypes of what is used stand here.
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct tb;
struct insn;

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct tb *));
extern void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct insn *, int op, void *counter, uint64_t step);
extern size_t qemu_plugin_tb_n_insns(const struct tb *);
extern struct insn *qemu_plugin_tb_get_insn(const struct tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct insn *);
extern const void *qemu_plugin_insn_data(const struct insn *);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

enum { add_u64 = 0, most = 16 };
static struct range {
	uint64_t from, to, all, fma;
} ranges[most];
static int n_ranges;

// FMLA and FMLS of four floats, by vector and by element (Arm ARM, DDI 0487, C7.2).
static int is_fma(uint32_t w)
{
	return (w & 0xff60fc00) == 0x4e20cc00 || (w & 0xffc0b400) == 0x4f801000;
}

static void translated(plugin_id id, struct tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t at = qemu_plugin_insn_vaddr(insn);
		for (int r = 0; r < n_ranges; r++) {
			if (at < ranges[r].from || at >= ranges[r].to)
				continue;
			uint32_t word;
			memcpy(&word, qemu_plugin_insn_data(insn), sizeof word);
			qemu_plugin_register_vcpu_insn_exec_inline(insn, add_u64, &ranges[r].all, 1);
			if (is_fma(word))
				qemu_plugin_register_vcpu_insn_exec_inline(insn, add_u64, &ranges[r].fma, 1);
		}
	}
}

static void ended(plugin_id id, void *data)
{
	(void)id;
	(void)data;
	for (int r = 0; r < n_ranges; r++)
		fprintf(stderr, "count %" PRIu64 " %" PRIu64 "\n", ranges[r].all, ranges[r].fma);
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		struct range *r = &ranges[n_ranges];
		if (n_ranges == most || sscanf(argv[i], "range=%" SCNx64 "-%" SCNx64, &r->from, &r->to) != 2) {
			fprintf(stderr, "count: bad argument %s\n", argv[i]);
			return -1;
		}
		n_ranges++;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
