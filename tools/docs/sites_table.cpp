// Prints docs/sites.md.
#include <cstdio>
#include <string>

#include "docs/sites_document.h"

int main() {
    const std::string text = mp::tools::sites_document();
    const bool complete = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    return complete ? 0 : 1;
}
