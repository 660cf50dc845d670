# Benchmarks: they print figures, and don't judge them.

BENCHES := $(addprefix $(BUILD)/tests/bench/,bench_list)

bench: $(BENCHES) ## the figures of docs/benchmarks.md, measured on this machine
	@for bench in $(BENCHES); do $$bench || exit 1; done

$(BENCHES): %: %.o $(LIB_HARNESS) $(LIB_AGENT) $(LIB_AGGREGATOR) $(LIB_BASE)
	@echo '  LINK     $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(TEST_LIBS)

$(BENCHES:=.o): | $(PROTO_GEN:.c=.h) $(BPF_SKELS)

-include $(BENCHES:=.d)
