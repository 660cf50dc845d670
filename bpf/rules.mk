# The kernel's side: each X.bpf.c becomes an object, and that a header with the object's bytes in it.
#
# An object may be built more than once from one source, for kernels that differ:
#   cgroup_stat_css     flushes with css_rstat_flush() (6.16 and later)
#   cgroup_stat_cgroup  flushes with cgroup_rstat_flush()

BPFTOOL  ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)
BPFFLAGS := -std=gnu11 -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Werror -I.

BPF_SKELS += $(GEN)/bpf/cgroup_stat_css.skel.h $(GEN)/bpf/cgroup_stat_cgroup.skel.h

BPF_PLAIN := network network_drops tcp oom run_queue # one object of one source
BPF_SKELS += $(BPF_PLAIN:%=$(GEN)/bpf/%.skel.h)

$(BPF_PLAIN:%=$(GEN)/bpf/%.o): $(GEN)/bpf/%.o: bpf/%.bpf.c bpf/rules.mk
	@mkdir -p $(@D)
	@echo '  BPF      $(@F)'
	$(Q)$(CLANG) $(BPFFLAGS) -MMD -MP -MT $@ -MF $(@:.o=.d) -c -o $@ $<

$(GEN)/bpf/cgroup_stat_css.o: BPFFLAGS += -DCSS_RSTAT
$(GEN)/bpf/cgroup_stat_css.o $(GEN)/bpf/cgroup_stat_cgroup.o: bpf/cgroup_stat.bpf.c bpf/rules.mk
	@mkdir -p $(@D)
	@echo '  BPF      $(@F)'
	$(Q)$(CLANG) $(BPFFLAGS) -MMD -MP -MT $@ -MF $(@:.o=.d) -c -o $@ $<

# Linking an object alone drops the DWARF and keeps the BTF. The header is generated code: the
# pragma keeps our warnings away from it.
$(GEN)/bpf/%.skel.h: $(GEN)/bpf/%.o
	$(Q)$(BPFTOOL) gen object $(@:.skel.h=.linked) $<
	$(Q){ echo '#pragma GCC system_header'; \
		$(BPFTOOL) gen skeleton $(@:.skel.h=.linked) name $*; } >$@

-include $(BPF_SKELS:.skel.h=.d)
