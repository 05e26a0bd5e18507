"""One file per shim, loaded only when its advisory matches. See :mod:`compatshim.startup.patch`."""
