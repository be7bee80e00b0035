/* For Wine below an emulator of 32-bit programs (QEMU), which gives a refused access to memory the number of no trap:
 * Wine would take it for an illegal instruction, without an address. Here it gets the number that a processor gives.
 * Preloaded; with a kernel that runs 32-bit programs it changes nothing. Linux, i386; no header of the system's, which
 * need not be there. */
enum { kSegv = 11, kPageFault = 14 };

struct action { /* struct sigaction of glibc */
    void (*handler)(int, void*, void*);
    unsigned mask[32];
    int flags;
    void (*restorer)(void);
};
typedef int sigaction_fn(int, const struct action*, struct action*);

extern void* dlsym(void* where, const char* name);
static void* const kNext = (void*)-1; /* RTLD_NEXT */

static void (*g_handler)(int, void*, void*);

/* May run with the program's segment registers: nothing of the thread's own is used. */
static void with_trap_number(int signal, void* info, void* context) {
    enum { kTrapNumber = 5 + 12 }; /* word of ucontext_t: its head, then the registers before this one */
    int* const words = context;
    if (words[kTrapNumber] == -1) {
        words[kTrapNumber] = kPageFault;
    }
    g_handler(signal, info, context);
}

int sigaction(int signal, const struct action* wanted, struct action* old) {
    static sigaction_fn* next;
    if (next == 0) {
        next = (sigaction_fn*)dlsym(kNext, "sigaction");
    }
    if (signal != kSegv || wanted == 0 || (unsigned long)wanted->handler < 2) { /* SIG_DFL, SIG_IGN */
        return next(signal, wanted, old);
    }
    struct action ours = *wanted;
    g_handler = wanted->handler;
    ours.handler = &with_trap_number;
    return next(signal, &ours, old);
}
