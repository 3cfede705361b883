"""`python -m router` is `lora-router`."""

import sys

from router.cli import main

sys.exit(main())
