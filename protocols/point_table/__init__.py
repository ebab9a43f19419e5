"""Point tables: the tags of a device as a CSV, Excel or TOML file that an engineer keeps in a spreadsheet.

pump.csv  ┐                                     ┌──tags──► ModbusTag, OpcuaTag … (or all errors, cell by cell)
pump.xlsx ├──read_table──► PointTable of Rows ──┤
pump.toml ┘                                     └──write_table──► the same in another format
"""

from protocols.point_table.file import read_table, write_table
from protocols.point_table.rows import BadPointFile, PointTable, Row, Source

__all__ = ["BadPointFile", "PointTable", "Row", "Source", "read_table", "write_table"]
