"""Compiles the ops in components/kernels into a wheel; all else of the build is in pyproject.toml."""

import importlib.util
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

KERNELS = Path("components", "kernels")


class Compiled(build_py):
    """Beside the modules, what they load."""

    def run(self) -> None:
        """Copies the modules and compiles the ops into the copy."""
        super().run()
        found = importlib.util.spec_from_file_location("build", KERNELS / "build.py")
        build = importlib.util.module_from_spec(found)
        found.loader.exec_module(build)
        build.build(KERNELS if self.editable_mode else Path(self.build_lib, KERNELS))


class OfThisKind(Distribution):
    """A distribution that is not for every machine."""

    def has_ext_modules(self) -> bool:
        """Whether files of it are compiled."""
        return True


class ForAnyPython(bdist_wheel):
    """The ops use TensorFlow's C API alone, whatever Python it is."""

    def get_tag(self) -> tuple[str, str, str]:
        """Python, its interface, the platform."""
        return ("py3", "none", "manylinux_2_28_x86_64")


setup(cmdclass={"build_py": Compiled, "bdist_wheel": ForAnyPython}, distclass=OfThisKind)
