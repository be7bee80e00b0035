# What is changed in rpmalloc 1.4.5 before it is compiled, and why. Each change names what it replaces by a regular
# expression that must match as often as is said (once, where nothing is); cmake/Rpmalloc.cmake applies them.
#   mp_rpmalloc_change(<name> <regular expression> <replacement> [TIMES <n>])

# Blocks of the game are 8-byte aligned in 32 bits: small classes in steps of the smallest alignment, up to 1024 bytes.
mp_rpmalloc_change("small granularity" "#define[ \t]+SMALL_GRANULARITY[ \t]+16" "#define SMALL_GRANULARITY MP_MIN_ALIGNMENT")
mp_rpmalloc_change("its shift" "#define[ \t]+SMALL_GRANULARITY_SHIFT[ \t]+4"
    "#define SMALL_GRANULARITY_SHIFT (MP_MIN_ALIGNMENT == 8 ? 3 : 4)")
mp_rpmalloc_change("small classes" "#define[ \t]+SMALL_CLASS_COUNT[ \t]+65"
    "#define SMALL_CLASS_COUNT (1024 / MP_MIN_ALIGNMENT + 1)")

# Caches that suit 2 GB of address space: per thread at most 64 spans (4 MB). Large runs never enter rpmalloc, so their
# caches are as small as it permits.
mp_rpmalloc_change("spans in a thread's cache" "#define[ \t]+MAX_THREAD_SPAN_CACHE[ \t]+400" "#define MAX_THREAD_SPAN_CACHE 16")
mp_rpmalloc_change("spans that leave it at once" "#define[ \t]+THREAD_SPAN_CACHE_TRANSFER[ \t]+64"
    "#define THREAD_SPAN_CACHE_TRANSFER 8")
mp_rpmalloc_change("large spans in a thread's cache" "#define[ \t]+MAX_THREAD_SPAN_LARGE_CACHE[ \t]+100"
    "#define MAX_THREAD_SPAN_LARGE_CACHE 34")
mp_rpmalloc_change("large spans that leave it at once" "#define[ \t]+THREAD_SPAN_LARGE_CACHE_TRANSFER[ \t]+6"
    "#define THREAD_SPAN_LARGE_CACHE_TRANSFER 2")

# It publishes freed spans by relaxed operations and relies on the processor for the rest. The language's own order costs
# nothing on x86, where every load and every exchange of the hot paths compiles to the same instruction.
mp_rpmalloc_change("order of atomic operations" "memory_order_relaxed" "memory_order_seq_cst" TIMES 12)

# With Microsoft's compiler it publishes pointers by plain accesses to places of this type, which is not volatile there.
mp_rpmalloc_change("places of published pointers" "typedef[ \t]+volatile[ \t]+void[ \t]*\\*[ \t]*atomicptr_t"
    "typedef volatile void* volatile atomicptr_t")

# Somebody who writes behind the end of his block meets the next one, which may be free: a free list goes on only to an
# address of the same span, and a span in which a block lives is never taken for empty, whatever the lists count. The
# first bytes of a span and of a heap hold nothing: they lie behind somebody's block, too.
mp_rpmalloc_change("next of a free list" "\\*list[ \t]*=[ \t]*\\*\\(\\(void[ \t]*\\*\\*\\)[ \t]*block\\)" "*list = mp_next_in_span(block)")
mp_rpmalloc_change("border of a span" "struct span_t[ \t]*{" "struct span_t { char mp_border[MP_SPAN_BORDER];")
mp_rpmalloc_change("border of a heap" "struct heap_t[ \t]*{" "struct heap_t { char mp_border[MP_SPAN_BORDER];")
mp_rpmalloc_change("spans that their owner takes for empty"
    "(static void[ \t\n]+_rpmalloc_span_release_to_cache\\(heap_t ?\\* ?heap, span_t ?\\* ?span\\)[ \t\n]*{)"
    "\\1 if (!mp_nothing_lives_in(span)) return;")
mp_rpmalloc_change("spans that others take for empty" "\\(free_count == span->block_count\\)"
    "(free_count == span->block_count) && mp_nothing_lives_in(span)")
