#include "network/inference.h"

#include <algorithm>
#include <atomic>

#include "common/check.h"
#include "network/activity.h"

namespace rcspike::detail {
namespace {

/// Samples on their way through the layers, and the inputs to which the events of the first layer refer.
template <class Real>
struct Block {
    std::vector<LayerRun<Real>> runs;
    std::vector<std::uint32_t> inputs;
    std::size_t max_spikes = 0;
    Sorting<Real> sort;
};

/// First layers of more bytes than this are charged group of tiles by group of tiles, each for many samples: sample by
/// sample the weights would come from memory each time (20,000 x 2,000: four times as slow).
constexpr std::size_t large = std::size_t{4} << 20;
constexpr std::size_t samples_at_once = 256;

/// Inference. source.resize(samples, block, threads) allocates events, source.set(sample, i, block, sort) writes those
/// of a sample as the block's number i. Overflows are reported to the caller.
template <class Real, class Source>
void run_blocks(const std::vector<Layer<Real>>& layers, std::size_t batch, const std::vector<Span2<const Real>>& noise,
                Span2<Real> v, Threads threads, const Source& source, Overflow& overflow) {
    check_shape("v", v, batch, layers.back().n_out());
    check_noise(layers, noise, batch);
    const auto write = [&](const Block<Real>& block, Range samples, std::size_t first) {
        const Real* from = block.runs.back().output() + samples.first * v.cols;
        std::copy_n(from, (samples.last - samples.first) * v.cols, v.row(first + samples.first));
    };
    if (layers[0].n_tiles() * kernels::lanes<Real> * layers[0].n_rows() * sizeof(Real) <= large) {
        for_each_block(batch, threads, [&](Range samples, std::size_t) {
            // Kept from call to call: to ask the system for it each time costs two threads a fifth of their speed.
            thread_local Block<Real> block;
            const Range all{0, samples.last - samples.first};
            resize(layers, all.last, block.runs);
            source.resize(samples, block, Threads{1});
            for (std::size_t i = 0; i < all.last; ++i) source.set(samples.first + i, i, block, block.sort);
            overflow.add(run(layers, noise, samples.first, all, false, block.runs, block.sort));
            write(block, all, samples.first);
        });
        return;
    }
    Block<Real> block;
    std::vector<Sorting<Real>> sorting(worker_count(threads));
    for (std::size_t first = 0; first < batch; first += samples_at_once) {
        const std::size_t n = std::min(samples_at_once, batch - first);
        resize(layers, n, block.runs);
        source.resize({first, first + n}, block, threads);
        for_each_block(n, threads, [&](Range samples, std::size_t worker) {
            for (std::size_t i = samples.first; i < samples.last; ++i) source.set(first + i, i, block, sorting[worker]);
        });
        charge(layers[0], block.runs[0].events, block.runs[0].voltages(), threads);
        for_each_block(n, threads, [&](Range samples, std::size_t worker) {
            overflow.add(run(layers, noise, first, samples, true, block.runs, sorting[worker]));
            write(block, samples, first);
        });
    }
}

[[noreturn]] void reject_inputs(std::size_t batch, std::size_t n_in, std::size_t expected) {
    reject("times must have shape (batch, ", expected, "), got (", batch, ", ", n_in, ")");
}

}  // namespace

template <class Real>
void infer(const std::vector<Layer<Real>>& layers, const Schedule<Real>& schedule,
           const std::vector<Span2<const Real>>& noise, Span2<Real> v, Threads threads) {
    if (schedule.n_in() != layers[0].n_in()) reject_inputs(schedule.batch(), schedule.n_in(), layers[0].n_in());
    check_phases(schedule.phases(), layers[0].phases());
    struct Source {
        const Schedule<Real>& schedule;
        Front<Real> front;

        void resize(Range samples, Block<Real>& block, [[maybe_unused]] Threads threads) const {
            std::size_t max_intervals = 0;
            for (std::size_t s = samples.first; s < samples.last; ++s)
                max_intervals = std::max(max_intervals, schedule[s].n_intervals);
            block.runs[0].events.resize(samples.last - samples.first, max_intervals, front);
        }
        void set(std::size_t sample, std::size_t i, Block<Real>& block, Sorting<Real>&) const {
            block.runs[0].events.set(i, schedule[sample], front);
        }
    };
    Overflow overflow(layers.size());
    run_blocks<Real>(layers, schedule.batch(), noise, v, threads, Source{schedule, layers[0].front()}, overflow);
    overflow.check();
}

template <class Real>
void infer(const std::vector<Layer<Real>>& layers, Span2<const Real> times, const std::vector<Span2<const Real>>& noise,
           Span2<Real> v, Threads threads) {
    const std::size_t n_in = layers[0].n_in();
    if (times.cols != n_in) reject_inputs(times.rows, times.cols, n_in);
    // Any one of the samples with an invalid time; the number of samples if there is none. It is found in the pass over
    // the times that counts spikes anyway, and reported once all threads have come back.
    std::atomic<std::size_t> invalid_sample{times.rows};
    struct Source {
        Span2<const Real> times;
        Front<Real> front;
        std::atomic<std::size_t>& invalid_sample;

        void resize(Range samples, Block<Real>& block, [[maybe_unused]] Threads threads) const {
            std::vector<std::size_t> counts(samples.last - samples.first);
            for_each_block(counts.size(), threads, [&](Range part, std::size_t) {
                for (std::size_t i = part.first; i < part.last; ++i) {
                    counts[i] = count_spikes<Real>({times.row(samples.first + i), times.cols}, front.phases);
                    if (counts[i] == invalid_times) invalid_sample = samples.first + i;
                }
            });
            const std::size_t max_spikes = std::min(*std::max_element(counts.begin(), counts.end()), times.cols);
            block.inputs.resize((samples.last - samples.first) * max_spikes);
            block.runs[0].events.resize(samples.last - samples.first, max_spikes, front);
            block.max_spikes = max_spikes;
        }
        void set(std::size_t sample, std::size_t i, Block<Real>& block, Sorting<Real>& sort) const {
            const Span1<const Real> row{times.row(sample), times.cols};
            std::uint32_t* const inputs = block.inputs.data() + i * block.max_spikes;
            block.runs[0].events.set(i, sort(row, front.phases, block.max_spikes, inputs), front);
        }
    };
    Overflow overflow(layers.size());
    const Source source{times, layers[0].front(), invalid_sample};
    run_blocks<Real>(layers, times.rows, noise, v, threads, source, overflow);
    // First the times: voltages may have overflowed just because one of them was invalid.
    if (invalid_sample != times.rows) reject_times(times, invalid_sample);
    overflow.check();
}

#define RCSPIKE_INSTANTIATE(Real)                                                                                      \
    template void infer(const std::vector<Layer<Real>>&, const Schedule<Real>&, const std::vector<Span2<const Real>>&, \
                        Span2<Real>, Threads);                                                                         \
    template void infer(const std::vector<Layer<Real>>&, Span2<const Real>, const std::vector<Span2<const Real>>&,     \
                        Span2<Real>, Threads);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
