#include "network/inference.h"

#include <algorithm>

#include "common/check.h"
#include "network/overflow.h"
#include "network/pass.h"
#include "network/source.h"

namespace rcspike::detail {
namespace {

/// First layers of more bytes than this are charged group of tiles by group of tiles, each for many samples: sample by
/// sample the weights would come from memory each time (20,000 x 2,000: four times as slow).
constexpr std::size_t large = std::size_t{4} << 20;
constexpr std::size_t samples_at_once = 256;

/// Inference of a source of samples (source.h).
template <class Real, class Source>
void infer_from(const std::vector<Layer<Real>>& layers, std::size_t batch, const std::vector<Span2<const Real>>& noise,
                Span2<Real> v, Threads threads, const Source& source) {
    check_shape("v", v, batch, layers.back().n_out());
    check_noise(layers, noise, batch, threads);
    const auto write = [&](Pass<Real>& pass, Range samples, std::size_t first) {
        const Real* const from = pass.runs.back().output(layers.back().neurons, samples.first);
        std::copy_n(from, (samples.last - samples.first) * v.cols, v.row(first + samples.first));
    };
    if (layers[0].n_tiles() * kernels::lanes<Real> * layers[0].n_rows() * sizeof(Real) > large) {
        Pass<Real> pass;
        for (std::size_t first = 0; first < batch; first += samples_at_once) {
            const Range samples{first, std::min(first + samples_at_once, batch)};
            pass.forward(layers, samples, source, noise, threads, [&](Range done) { write(pass, done, first); });
        }
        return;
    }
    Overflow overflow(layers.size());
    for_each_block(batch, threads, [&](Range samples, std::size_t) {
        // Kept from call to call: to ask the system for it each time costs two threads a fifth of their speed.
        thread_local Pass<Real> pass;
        pass.sorting.resize(1);
        const Range all{0, samples.last - samples.first};
        resize(layers, all.last, pass.runs);
        source.resize(samples, pass.runs.front(), Threads{1});
        for (std::size_t i = 0; i < all.last; ++i) {
            source.set(samples.first + i, i, pass.runs.front(), pass.sorting[0]);
        }
        overflow.add(run(layers, noise, samples.first, all, false, pass.runs, pass.sorting[0]));
        write(pass, all, samples.first);
    });
    // First the source: voltages may have overflowed just because one of its times was not valid.
    source.check();
    overflow.check();
}

}  // namespace

template <class Real>
void infer(const std::vector<Layer<Real>>& layers, const Schedule<Real>& schedule,
           const std::vector<Span2<const Real>>& noise, Span2<Real> v, Threads threads) {
    infer_from(layers, schedule.batch(), noise, v, threads, FromSchedule<Real>(schedule, layers[0]));
}

template <class Real>
void infer(const std::vector<Layer<Real>>& layers, Span2<const Real> times, const std::vector<Span2<const Real>>& noise,
           Span2<Real> v, Threads threads) {
    const FromTimes<Real> source(times, layers[0]);
    infer_from(layers, times.rows, noise, v, threads, source);
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
