// Adam on rows of weights. Included as block.h is.

template <class Real>
void adam(const Adam<Real>& adam, std::size_t n, const Real* gradient, std::size_t n_parts, std::size_t stride,
          const Real* slope, Real* weights, Real* moment1, Real* moment2) {
    using B = Block<Real, 1>;
    const auto all = [](Real value) RCSPIKE_LAMBDA { return B::all(value); };
    for (std::size_t i = 0; i < n; i += lanes<Real>) {
        B g = B::load(gradient + i);
        for (std::size_t part = 1; part < n_parts; ++part) g = g + B::load(gradient + part * stride + i);
        if (slope) g = g * B::load(slope + i);
        B m1 = B::load(moment1 + i);
        B m2 = B::load(moment2 + i);
        m1 = fma(all(1 - adam.beta1), g - m1, m1);
        m2 = fma(all(1 - adam.beta2), g * g - m2, m2);
        m1.store(moment1 + i);
        m2.store(moment2 + i);
        const B scale = sqrt(m2 * all(adam.correction2)) + all(adam.epsilon);
        const B step = (m1 * all(adam.learning_rate * adam.correction1)) / scale;
        const B w = B::load(weights + i) * all(adam.keep) - step;
        min(all(adam.w_max), max(all(-adam.w_max), w)).store(weights + i);  // in this order NaN stays NaN
    }
}
