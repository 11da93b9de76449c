// Classifies images with a trained model, without Python: classify MODEL IMAGES [VOLTAGES]
//
// MODEL is a file of `rcspike train`, IMAGES a file of images.py: a line for each image, its label and then its
// intensities in [0, 1], with commas between. VOLTAGES, if given, receives the output voltages as raw float32.
#include <algorithm>
#include <cstddef>
#include <exception>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "rcspike/encode.h"
#include "rcspike/network.h"

namespace {

struct Images {
    std::vector<std::size_t> labels;
    std::vector<float> intensities;  // an image after the other
};

Images read_images(const std::string& path, std::size_t n_pixels) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("no images at " + path);
    Images images;
    for (std::string line; std::getline(file, line);) {
        std::replace(line.begin(), line.end(), ',', ' ');
        std::istringstream numbers(line);
        std::size_t label;
        numbers >> label;
        for (float x; numbers >> x;) images.intensities.push_back(x);
        images.labels.push_back(label);
        if (images.intensities.size() != images.labels.size() * n_pixels) {
            throw std::runtime_error(path + ": line " + std::to_string(images.labels.size()) + " is not a label and " +
                                     std::to_string(n_pixels) + " intensities");
        }
    }
    return images;
}

void classify(const std::string& model, const std::string& images_path, const char* voltages_path) {
    const auto network = rcspike::Network<float>::load(model);
    const std::size_t n_pixels = network.n_in(), n_classes = network.n_out(network.n_layers() - 1);
    const Images images = read_images(images_path, n_pixels);
    const std::size_t n = images.labels.size();

    std::vector<float> times(n * n_pixels), voltages(n * n_classes);
    const rcspike::Span2<float> t{times.data(), n, n_pixels}, v{voltages.data(), n, n_classes};
    rcspike::encode<float>({images.intensities.data(), n, n_pixels}, t);
    network.forward(t, {}, v);  // the whole batch, on all cores

    std::size_t correct = 0;
    for (std::size_t i = 0; i < n; ++i) {
        // The output with the highest voltage would spike first.
        const auto prediction = static_cast<std::size_t>(std::max_element(v.row(i), v.row(i) + n_classes) - v.row(i));
        std::cout << prediction << '\n';
        correct += prediction == images.labels[i];
    }
    std::cout << "accuracy " << correct << " of " << n << '\n';
    if (voltages_path) {
        std::ofstream file(voltages_path, std::ios::binary);
        file.write(reinterpret_cast<const char*>(voltages.data()),
                   static_cast<std::streamsize>(voltages.size() * sizeof(float)));
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3 || argc > 4) return std::cerr << "usage: classify MODEL IMAGES [VOLTAGES]\n", 2;
    try {
        classify(argv[1], argv[2], argc == 4 ? argv[3] : nullptr);
    } catch (const std::exception& error) {
        return std::cerr << "error: " << error.what() << '\n', 1;
    }
}
