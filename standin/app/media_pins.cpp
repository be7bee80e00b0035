#include "app/media_pins.h"

#include "app/content.h"

namespace mp::app {
namespace {

constexpr std::size_t kMostPins = 2;

void* buffer_of(const game::MediaAllocator& allocator) {
    return reinterpret_cast<void*>(static_cast<std::uintptr_t>(allocator.buffer));
}

}  // namespace

void MediaPins::check(bool good, const char* what) {
    if (!good && errors_++ == 0) {
        first_error_ = what;
    }
}

void MediaPins::change() {
    if (pins_.size() == kMostPins) {
        check(pins_.front().filled, "pin without checked buffer");
        standin::destroy_media_allocator(pins_.front().allocator);
        pins_.erase(pins_.begin());
        return;
    }
    Random random(seed_ + connections_++ % kMostPins);  // as many kinds of pins as there are pins
    const standin::MediaProperties properties{random.between(2, 6), random.between(1, 20) * 16384, 16, 16};
    game::MediaAllocator* allocator = standin::create_media_allocator();
    standin::set_media_properties(*allocator, properties);
    check(standin::commit_media(*allocator) == game::kHresultOk, "a pin could not commit its samples");
    const std::uint32_t stride = (properties.size + properties.prefix + 15) / 16 * 16;
    pins_.push_back({allocator, properties.count * stride, random.next32(), false});
}

void MediaPins::verify() {
    for (Pin& pin : pins_) {
        void* buffer = buffer_of(*pin.allocator);
        if (buffer == nullptr) {
            check(false, "a pin has no buffer");
            continue;
        }
        check(pin.filled ? has_content(buffer, pin.bytes, pin.seed) : is_zero(buffer, pin.bytes),
              pin.filled ? "media buffer changed" : "media buffer not zero");
        fill_content(buffer, pin.bytes, pin.seed);
        pin.filled = true;
    }
}

void MediaPins::close_all() {
    for (const Pin& pin : pins_) {
        standin::destroy_media_allocator(pin.allocator);
    }
    pins_.clear();
}

}  // namespace mp::app
