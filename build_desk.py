"""Build hook of hatchling: what the desk needs in the wheel and git does not hold (compiled translations)."""

import importlib.util
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DeskBuildHook(BuildHookInterface):
    """Compiles the translations before the files are gathered."""

    def initialize(self, version, build_data):
        """Called before the files are gathered, for wheels and editable installs alike."""
        web = Path(self.root) / "src" / "quanke_desk" / "web"
        spec = importlib.util.spec_from_file_location("translations", web / "translations.py")
        translations = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(translations)
        translations.compile_all(web / "locale")
