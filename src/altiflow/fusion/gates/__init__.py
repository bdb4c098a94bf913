"""Gates: how much ice passes a line, as area, volume and mass."""

from altiflow.fusion.gates.fluxes import FluxTime, area_flux, mass_flux, volume_flux
from altiflow.fusion.gates.gate import Gate, GatePieces
from altiflow.fusion.gates.values import Uncertain

__all__ = ["FluxTime", "Gate", "GatePieces", "Uncertain", "area_flux", "mass_flux", "volume_flux"]
