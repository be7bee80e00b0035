#include "alloc/free_runs.h"

namespace mp::alloc {
namespace {

struct Key {
    std::size_t length;
    std::size_t first;

    bool operator<(const Key& other) const noexcept {
        return length != other.length ? length < other.length : first < other.first;
    }
};

Key key_of(std::size_t node) noexcept {
    return {note(node).length, node};
}

// Spreads the node numbers, so that the tree stays flat whatever the order of insertion.
std::uint32_t priority(std::size_t node) noexcept {
    std::uint32_t value = static_cast<std::uint32_t>(node) * 0x9E3779B1u;
    value ^= value >> 15;
    return value * 0x85EBCA6Bu;
}

// Splits `tree` into what is below `key` and the rest.
void split(Granule tree, const Key& key, Granule* low, Granule* high) noexcept {
    while (tree != 0) {
        if (key_of(tree) < key) {
            *low = tree;
            low = &note(tree).right;
            tree = *low;
        } else {
            *high = tree;
            high = &note(tree).left;
            tree = *high;
        }
    }
    *low = 0;
    *high = 0;
}

// Joins two trees, every key of `low` below every key of `high`.
Granule merge(Granule low, Granule high) noexcept {
    Granule root = 0;
    Granule* link = &root;
    while (low != 0 && high != 0) {
        if (priority(low) > priority(high)) {
            *link = low;
            link = &note(low).right;
            low = *link;
        } else {
            *link = high;
            link = &note(high).left;
            high = *link;
        }
    }
    *link = low != 0 ? low : high;
    return root;
}

}  // namespace

void LengthTree::insert(std::size_t granule, std::size_t length) noexcept {
    set_length(granule, length);
    const Key key{length, granule};
    Granule* link = &root_;
    while (*link != 0 && priority(*link) > priority(granule)) {
        link = key_of(*link) < key ? &note(*link).right : &note(*link).left;
    }
    GranuleNote& node = note(granule);
    split(*link, key, &node.left, &node.right);
    *link = static_cast<Granule>(granule);
}

void LengthTree::erase(std::size_t granule) noexcept {
    const Key key = key_of(granule);
    Granule* link = &root_;
    while (*link != granule) {
        link = key_of(*link) < key ? &note(*link).right : &note(*link).left;
    }
    *link = merge(note(granule).left, note(granule).right);
}

std::size_t LengthTree::best_fit(std::size_t length) const noexcept {
    std::size_t best = 0;
    for (std::size_t node = root_; node != 0;) {
        if (note(node).length >= length) {
            best = node;
            node = note(node).left;
        } else {
            node = note(node).right;
        }
    }
    return best;
}

std::size_t LengthTree::longest() const noexcept {
    std::size_t node = root_;
    while (node != 0 && note(node).right != 0) {
        node = note(node).right;
    }
    return node;
}

std::size_t LengthTree::below(std::size_t granule) const noexcept {
    const Key key = key_of(granule);
    std::size_t best = 0;
    for (std::size_t node = root_; node != 0;) {
        if (key_of(node) < key) {
            best = node;
            node = note(node).right;
        } else {
            node = note(node).left;
        }
    }
    return best;
}

}  // namespace mp::alloc
