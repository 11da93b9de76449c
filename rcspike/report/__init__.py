"""One HTML file with the contents of a results folder: its figures, its tables, and how they were made."""

from rcspike.report.design_sheet import write_sheet
from rcspike.report.interactive import InteractivePage, interactive_page
from rcspike.report.results_folder_page import write_report

__all__ = ["InteractivePage", "interactive_page", "write_report", "write_sheet"]


def __dir__() -> list[str]:
    return __all__
