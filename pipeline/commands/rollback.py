"""`rollback`: an older version into production again."""

from __future__ import annotations

import argparse

from components.common.exit_status import DONE


def execute(options: argparse.Namespace) -> int:
    from components.export.formats import beside
    from components.serving import signing
    from components.serving.versions import roll_back
    from pipeline.runs import lock, pushed_versions

    paths = pushed_versions.pipeline_paths(options.root, options.name)
    key = pushed_versions.sign_key(options.root, options.name)
    if key is not None:
        signing.check_key(key, "PRIVATE")
        signing.tool()
    with lock.held(paths, lock.told if options.wait else None):
        older, version = roll_back(paths.serving, options.version, key)
        beside.copy(paths.serving / str(older), paths.serving / str(version))
    print(f"version {older} is in production again, as version {version}: {paths.serving / str(version)}")
    return DONE
