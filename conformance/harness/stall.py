"""How long this machine kept a thread that wanted to run from running: the measure behind "unsteady"."""
import threading
import time


class StallMeter(threading.Thread):
    """Sleeps 10 ms at a time and remembers by how many milliseconds it woke too late."""

    STEP = 0.01

    def __init__(self):
        super().__init__(daemon=True)
        self._late = []
        self._done = threading.Event()

    def run(self):
        while not self._done.is_set():
            began = time.monotonic()
            time.sleep(self.STEP)
            late = time.monotonic() - began - self.STEP
            if late > self.STEP:
                self._late.append((began, late * 1000))

    def worst(self, since=0.0):
        """The longest stall that began after `since` (time.monotonic), in whole milliseconds."""
        return round(max((late for began, late in list(self._late) if began >= since), default=0))

    def stop(self):
        """Ends the thread."""
        self._done.set()
        self.join()
