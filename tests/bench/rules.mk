# Benchmarks: they print figures, and don't judge them.

BENCHES := $(addprefix $(BUILD)/tests/bench/,bench_sources)

bench: $(BENCHES) ## the figures of docs/benchmarks.md, measured on this machine
	@for bench in $(BENCHES); do $$bench || exit 1; done

$(BENCHES): %: %.o $(LIB_HARNESS) $(LIB_AGENT) $(LIB_AGGREGATOR) $(LIB_BASE)
	@echo '  LINK     $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(TEST_LIBS)

$(BENCHES:=.o): | $(PROTO_GEN:.c=.h) $(BPF_SKELS)

# An iterator that does nothing, to hold ours against.
$(BUILD)/tests/bench/bench_sources.o: | $(GEN)/bpf/bare_walk.skel.h
$(GEN)/bpf/bare_walk.o: tests/bench/bare_walk.bpf.c
	@mkdir -p $(@D)
	@echo '  BPF      $(@F)'
	$(Q)$(CLANG) $(BPFFLAGS) -c -o $@ $<

-include $(BENCHES:=.d)
