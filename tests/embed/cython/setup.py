import os

from Cython.Build import cythonize
from setuptools import Extension, setup

import rcspike

extension = Extension(
    "rcspike_consumer",
    ["rcspike_consumer.pyx"],
    include_dirs=[rcspike.get_include()],
    extra_objects=[rcspike.get_library()],
    extra_compile_args=["/std:c++17"] if os.name == "nt" else ["-std=c++17"],
    extra_link_args=[] if os.name == "nt" else ["-pthread"],
)
setup(ext_modules=cythonize([extension]))
