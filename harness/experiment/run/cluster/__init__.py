"""Cycles on an existing Dask cluster: placing tasks is Dask's, the cycles are ours."""
