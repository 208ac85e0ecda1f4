"""day_plan"""
