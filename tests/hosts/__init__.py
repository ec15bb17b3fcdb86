"""Tests on real hosts; what they share beside fixtures shows its values when it fails, too."""

import pytest

for part in ("accounts", "secrets", "term_end", "tools"):
    pytest.register_assert_rewrite(f"{__name__}.course_{part}")
